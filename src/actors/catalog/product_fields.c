/* The field tables of products. */
#include "actors/catalog/product_internal.h"

static const char *const status_values[] = {NULL, "draft", "published", "archived", "deleted"};
const struct enumeration product_statuses = ENUMERATION("product_status", status_values);
static const char *const condition_values[] = {NULL, "new", "used", "refurbished"};
const struct enumeration product_conditions = ENUMERATION("product_condition", condition_values);
static const char *const fulfilment_values[] = {NULL, "physical", "digital"};
static const struct enumeration fulfilments = ENUMERATION("fulfilment", fulfilment_values);

static const struct field tag_element = ELEMENT(FIELD_TEXT, struct text, .min = 1, .max = 40);
static const struct field barcode_element = ELEMENT(FIELD_TEXT, struct text, .format = FORMAT_KEY, .min = 1, .max = 64);
static const struct field url_element = ELEMENT(FIELD_TEXT, struct text, .format = FORMAT_PICTURE);
static const struct field destination_element = ELEMENT(FIELD_TEXT, struct text, .min = 1, .max = 2);
static const struct field attribute_element = ELEMENT(FIELD_TEXT, struct text, .min = 1, .max = 80);
static const struct field specification_element = ELEMENT(FIELD_TEXT, struct text, .max = 500);

/* The rows of both tables of a variant: in lists and new ones, and as a patch (where nothing is required and the
   id is in the path). */
/* clang-format off */
#define VARIANT_ROWS(REQUIRED_)                                                                                        \
    TEXT(product_variant, 2, sku,             .min = 1, .max = 64, .flags = (REQUIRED_),                               \
         .doc = "stock keeping unit, unique within the supplier"),                                                    \
    MAP(product_variant, 3, attributes,       .max = 5, .element = &attribute_element,                                 \
        .doc = "what tells it apart: {\"size\": \"M\"}; the same keys in all live variants, each combination once"),  \
    MONEY(product_variant, 4, price,          .min = 0, .max = MONEY_MAX, .flags = (REQUIRED_),                 \
          .doc = "price of one"),                                                                                     \
    MONEY(product_variant, 5, compare_at_price, .min = 0, .max = MONEY_MAX,                                       \
          .doc = "struck out beside the price; not below it"),                                                        \
    INTEGER(product_variant, 6, weight_g,     .min = 0, .max = 10000000, .flags = OPTIONAL, .doc = "weight in grams"), \
    TEXT(product_variant, 7, image_url,       .format = FORMAT_PICTURE, .doc = "its own picture"),                         \
    BOOL(product_variant, 8, retired,         .doc = "no longer sold; a variant is never removed"),                    \
    ENUM(product_variant, 9, fulfilment, &fulfilments, .initial = FULFILMENT_PHYSICAL,                                 \
         .doc = "digital: no shipping, no address needed"),                                                            \
    BOOL(product_variant, 10, track_stock,    .initial = 1, .doc = "false: never out of stock"),                       \
    SCALARS(product_variant, 11, barcodes, struct text, &barcode_element, .max = 20, .doc = "EAN, UPC and the like"), \
    INTEGER(product_variant, 12, available,   .flags = READ_ONLY,                                                      \
            .doc = "what the supplier's active locations have together; 1000000000 without track_stock")

static const struct field variant_rows[] = {
    ID(product_variant, 1, id, .doc = "drawn by the server; names an existing variant in a PATCH of the list"),
    VARIANT_ROWS(REQUIRED),
};
const struct fields product_variant_fields = FIELDS("product_variant", struct product_variant, variant_rows);

static const struct field variant_patch_rows[] = {
    ID(product_variant, 1, id, .flags = READ_ONLY, .doc = "the variant's id"),
    VARIANT_ROWS(KEPT),
};
const struct fields product_variant_patch_fields = FIELDS("product_variant_patch", struct product_variant,
     variant_patch_rows);

static const struct field media_rows[] = {
    TEXT(product_media, 1, primary_url, .format = FORMAT_PICTURE, .doc = "main picture"),
    TEXT(product_media, 2, video_url, .format = FORMAT_URL, .doc = "video"),
    SCALARS(product_media, 3, gallery, struct text, &url_element, .max = 20, .doc = "further pictures"),
};
static const struct fields media_fields = FIELDS("product_media", struct product_media, media_rows);

static const struct field shipping_rows[] = {
    TEXT(product_shipping, 1, from, .format = FORMAT_COUNTRY, .doc = "country it is shipped from"),
    SCALARS(product_shipping, 2, to, struct text, &destination_element, .max = 250,
        .doc = "countries it is shipped to, or \"*\""),
    MONEY(product_shipping, 3, cost, .min = 0, .max = MONEY_MAX, .doc = "shipping of one parcel with one unit"),
    MONEY(product_shipping, 4, extra_cost, .min = 0, .max = MONEY_MAX, .doc = "for each further unit in the parcel"),
    INTEGER(product_shipping, 5, days_min, .min = 0, .max = 365, .doc = "days on the way, at least"),
    INTEGER(product_shipping, 6, days_max, .min = 0, .max = 365, .doc = "days on the way, at most"),
};
static const struct fields shipping_fields = FIELDS("product_shipping", struct product_shipping, shipping_rows);

static const struct field product_rows[] = {
    ENTITY_ROW(product),
    ID(product, 2, supplier_id, .flags = REQUIRED | CREATE_ONLY, .refers = "supplier", .doc = "who sells it"),
    TEXT(product, 3, name, .min = 1, .max = 200, .flags = REQUIRED, .doc = "name"),
    TEXT(product, 4, slug, .format = FORMAT_SLUG, .doc = "its name in paths; made from the name when absent"),
    TEXT(product, 5, description, .format = FORMAT_LONG, .max = 10000, .doc = "description"),
    TEXT(product, 6, category, .max = 120, .doc = "free category"),
    TEXT(product, 7, brand, .max = 80, .doc = "brand"),
    ENUM(product, 8, condition, &product_conditions, .initial = CONDITION_NEW, .doc = "new, used or refurbished"),
    SCALARS(product, 9, tags, struct text, &tag_element, .max = 20, .doc = "words to find it by"),
    MAP(product, 10, specifications, .max = 50, .element = &specification_element,
        .doc = "properties to show: {\"material\": \"cotton\"}"),
    TEXT(product, 11, tax_class, .format = FORMAT_KEY, .min = 1, .max = 40,
        .doc = "class of the tax rates; \"standard\" when absent"),
    LIST(product, 12, variants, struct product_variant, &product_variant_fields, .min = 1,
        .max = PRODUCT_VARIANTS_MOST, .flags = REQUIRED, .doc = "what can be bought"),
    STRUCT(product, 13, media, struct product_media, &media_fields, .doc = "pictures and video"),
    STRUCT(product, 14, shipping, struct product_shipping, &shipping_fields,
        .doc = "where it is shipped, and for how much"),
    MONEY(product, 15, lowest_price, .flags = READ_ONLY, .doc = "lowest price of a live variant"),
    ID(product, 16, category_id, .flags = READ_ONLY | OPTIONAL, .doc = "category of the tenant's tree"),
    ID(product, 17, product_type_id, .flags = READ_ONLY | OPTIONAL, .doc = "product type"),
    MAP(product, 18, attributes, .flags = READ_ONLY,
        .doc = "attributes of the product type", .max = 100, .element = &specification_element),
    ID(product, 19, deleted_by, .flags = READ_ONLY, .sees = ADMIN, .doc = "who deleted it"),
    BOOL(product, 20, archived_by_staff, .flags = READ_ONLY, .sees = TEAM | ADMIN,
        .doc = "archived by the staff: only they publish it again"),
    BOOL(product, 21, deleted_by_staff, .flags = READ_ONLY, .sees = ADMIN,
        .doc = "deleted by the staff: only they restore it"),
};
/* clang-format on */
const struct fields product_fields = FIELDS("product", struct product, product_rows);
