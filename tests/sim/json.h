/* Reading answers: members by path ("payment.captured.amount"). What is not there is 0, "" or none. */
#pragma once
#include "base/id.h"
#include <yyjson.h>

yyjson_val *json_at(yyjson_val *value, const char *path);
int64_t json_integer(yyjson_val *value, const char *path);
bool json_bool(yyjson_val *value, const char *path);
const char *json_text(yyjson_val *value, const char *path);
struct id json_id(yyjson_val *value, const char *path);
