/* Simple texts. See format.h. */
#include "base/format.h"
#include "base/buffer.h"
#include <limits.h>

struct conversion {
    char letter;      /* s, c, d, u; 0: none of those that are known here */
    bool wide;        /* ll */
    bool with_length; /* .* */
};

/* Behind the percent sign; *at goes behind the conversion. */
static struct conversion conversion_of(const char **at)
{
    struct conversion conversion = {0};
    const char *next = *at;
    if (next[0] == '.' && next[1] == '*') {
        conversion.with_length = true;
        next += 2;
    } else if (next[0] == 'l' && next[1] == 'l') {
        conversion.wide = true;
        next += 2;
    }
    bool known = conversion.with_length ? *next == 's'
                 : conversion.wide      ? *next == 'd' || *next == 'u'
                                        : *next == 's' || *next == 'c' || *next == 'd' || *next == 'u';
    if (known) conversion.letter = *next;
    *at = next + 1;
    return conversion;
}

int format_simple(char *out, size_t room, const char *format, va_list arguments)
{
    char *start = out, *end = out + room;
    while (*format) {
        char digits[INTEGER_TEXT_MOST], one;
        struct text piece = {format, 1};
        if (*format++ != '%') {
            while (*format && *format != '%')
                format++;
            piece.length = (uint32_t)(format - piece.data);
        } else if (*format == '%') {
            format++;
        } else {
            struct conversion conversion = conversion_of(&format);
            switch (conversion.letter) {
            case 's': {
                int length = conversion.with_length ? va_arg(arguments, int) : INT_MAX;
                piece.data = va_arg(arguments, const char *);
                if (length < 0 || (!piece.data && length)) return -1;
                piece.length = length ? (uint32_t)strnlen(piece.data, (size_t)length) : 0;
                break;
            }
            case 'c':
                one = (char)va_arg(arguments, int);
                piece = (struct text){&one, 1};
                break;
            case 'd':
                piece = integer_text(digits, conversion.wide ? va_arg(arguments, long long) : va_arg(arguments, int));
                break;
            case 'u': {
                unsigned long long value =
                    conversion.wide ? va_arg(arguments, unsigned long long) : va_arg(arguments, unsigned);
                if (value > INT64_MAX) return -1;
                piece = integer_text(digits, (int64_t)value);
                break;
            }
            default: return -1;
            }
        }
        if ((size_t)(end - out) < piece.length) return -1;
        if (piece.length) memcpy(out, piece.data, piece.length);
        out += piece.length;
    }
    return (int)(out - start);
}
