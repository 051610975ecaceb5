/* Products: what a supplier sells, with its variants. Stock is a kind of its own (stock.h).

   draft ─publish→ published ⇄ archived (archive, publish); all ─delete→ deleted ─restore→ the state before.
   A variant is retired, never removed, so that what was ordered can always be named. */
#pragma once
#include "actors/runtime/kind.h"

enum product_status { PRODUCT_DRAFT = 1, PRODUCT_PUBLISHED, PRODUCT_ARCHIVED, PRODUCT_DELETED };
enum product_condition { CONDITION_NEW = 1, CONDITION_USED, CONDITION_REFURBISHED };
enum fulfilment { FULFILMENT_PHYSICAL = 1, FULFILMENT_DIGITAL };

struct product_variant {
    struct id id;
    struct text sku;
    LIST_OF(struct text_pair) attributes;
    struct money price, compare_at_price;
    int64_t weight_g;
    struct text image_url;
    bool retired;
    enum fulfilment fulfilment;
    bool track_stock; /* false: never out of stock, nothing is reserved */
    LIST_OF(struct text) barcodes;
    int64_t available; /* filled in when shown, never stored: what the active locations have */
};

struct product_media {
    struct text primary_url, video_url;
    LIST_OF(struct text) gallery;
};

struct product_shipping {
    struct text from;
    LIST_OF(struct text) to; /* countries, or "*" */
    struct money cost, extra_cost;
    int64_t days_min, days_max;
};

struct product {
    struct entity entity;
    struct id supplier_id;
    struct text name, slug, description, category, brand;
    enum product_condition condition;
    LIST_OF(struct text) tags;
    LIST_OF(struct text_pair) specifications;
    struct text tax_class;
    LIST_OF(struct product_variant) variants;
    struct product_media media;
    struct product_shipping shipping;
    struct money lowest_price; /* of the live variants; absent without one */
    struct id category_id, product_type_id;
    LIST_OF(struct text_pair) attributes;
    struct id deleted_by;
    bool archived_by_staff, deleted_by_staff;
};

/* Live products (all but deleted) of a supplier; its id is the supplier's. Quiet. */
struct product_counts {
    struct entity entity;
    int64_t live;
};

extern const struct kind product_kind, product_counts_kind;
extern const struct event product_created, product_published, product_updated, product_archived, product_deleted,
    product_restored;
extern const struct fields product_variant_fields, product_fields;
/* Products and stock. */
extern const struct kind *const catalog_kinds[];         /* NULL-terminated */
extern const struct follower *const catalog_followers[]; /* NULL-terminated */

/* The product that the path's {id} names, by id or slug; ID_NONE when there is none (or pending). */
struct id product_of_path(struct tx *tx);
/* The variant with this id, retired or not; NULL: there is none. */
const struct product_variant *product_variant_find(const struct product *product, struct id variant_id);
/* The id of the product that a variant belongs to, by the index of variants; ID_NONE: none (or pending). */
struct id product_of_variant(struct tx *tx, struct id variant_id);
/* Published and the variant live. Whether the supplier sells is supplier_sells(). */
bool product_buyable(const struct product *product, const struct product_variant *variant);
/* Is it shipped to this country? Digital variants go everywhere. */
bool product_ships_to(const struct product *product, const struct product_variant *variant, struct text country);
bool product_has_live_variant(const struct product *product);
