#include "sim/json.h"

#include <string.h>

yyjson_val *json_at(yyjson_val *value, const char *path)
{
    while (value && *path) {
        size_t length = strcspn(path, ".");
        value = yyjson_obj_getn(value, path, length);
        path += length + (path[length] == '.');
    }
    return value;
}

int64_t json_integer(yyjson_val *value, const char *path)
{
    yyjson_val *found = json_at(value, path);
    return yyjson_is_int(found) ? yyjson_get_sint(found) : 0;
}

bool json_bool(yyjson_val *value, const char *path)
{
    return yyjson_is_true(json_at(value, path));
}

const char *json_text(yyjson_val *value, const char *path)
{
    const char *text = yyjson_get_str(json_at(value, path));
    return text ? text : "";
}

struct id json_id(yyjson_val *value, const char *path)
{
    struct id id;
    return id_parse(text_of(json_text(value, path)), &id) ? id : ID_NONE;
}
