/* What the files of the product kind share. */
#pragma once
#include "actors/catalog/product.h"
#include "actors/runtime/tenant.h"
#include "actors/runtime/tx.h"
#include "base/buffer.h"

enum { PRODUCT_VARIANTS_MOST = 1000 };

extern const struct enumeration product_statuses, product_conditions;
extern const struct fields product_variant_patch_fields;
extern const struct index product_by_slug, product_by_sku, product_by_variant, product_by_newest, product_by_supplier,
    product_by_category, product_by_name, product_by_price;
extern const struct index *const product_indexes[];

/* Checks a product whose body was bound, completes it (ids of new variants, defaults, lowest price), and reports every
   problem as a detail. `before` is NULL at creation. */
enum error product_complete(struct tx *tx, struct product *product, const struct product *before);
/* What publishing wants: 409 incomplete with every missing path. */
enum error product_publishable(struct tx *tx, const struct product *product);
/* The same as a truth. */
bool product_may_be_published(const struct product *product);
