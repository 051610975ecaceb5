#include "main/pages.h"
#include "actors/runtime/describe.h"
#include "main/version.h"

/* VIEWER is the directory into which tools/deps has put the viewer and its licences, each also as gzip (see the Makefile). */
#ifdef VIEWER
#define EMBED(symbol, file)                                                                                          \
    __asm__(".pushsection .rodata\n.balign 16\n.global " #symbol "\n" #symbol ":\n.incbin \"" VIEWER "/" file "\"\n" \
            ".global " #symbol "_end\n" #symbol "_end:\n.byte 0\n.popsection\n");                                    \
    extern const char symbol[], symbol##_end[]
EMBED(viewer_script, "swagger-ui-bundle.js");
EMBED(viewer_script_packed, "swagger-ui-bundle.js.gz");
EMBED(viewer_style, "swagger-ui.css");
EMBED(viewer_style_packed, "swagger-ui.css.gz");
EMBED(viewer_licence, "licence.txt");

static struct text embedded(const char *begin, const char *end)
{
    return (struct text){begin, (uint32_t)(end - begin)};
}
#define EMBEDDED(symbol) embedded(symbol, symbol##_end)

static const char VIEWER_PAGE[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>souk " SOUK_VERSION "</title>\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<link rel=\"icon\" href=\"data:,\">\n"
    "<link rel=\"stylesheet\" href=\"/docs/swagger-ui.css\"></head>\n"
    "<body><noscript><p>Without scripts there is <a href=\"/docs/plain\">a plain list</a>.</p></noscript><div id=\"docs\"></div>\n"
    "<script src=\"/docs/swagger-ui-bundle.js\"></script><script src=\"/docs/start.js\"></script></body></html>\n";

/* No validator of others, no keeping of tokens. */
static const char VIEWER_START[] =
    "SwaggerUIBundle({url: '/openapi.json', dom_id: '#docs', validatorUrl: null, deepLinking: true, docExpansion: 'none',\n"
    "  filter: true, displayRequestDuration: true, persistAuthorization: false, queryConfigEnabled: false,\n"
    "  syntaxHighlight: {activated: false}, presets: [SwaggerUIBundle.presets.apis], layout: 'BaseLayout'});\n";
#endif

static const char PLAIN_STYLE[] =
    "body { font: 16px/1.5 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }\n"
    "code { font: 14px monospace; background: #f2f2f2; padding: 0 .2em }\n"
    "details { border-top: 1px solid #ddd; padding: .3rem 0 }\nsummary { cursor: pointer }\n"
    "dt { margin-top: .3rem }\ndd { margin-left: 2rem; color: #555 }\nh4 { margin: .5rem 0 0 }\n";

const struct web_page *pages_make(struct arena *arena, const struct registry *registry)
{
    static const char HTML[] = "text/html; charset=utf-8", CSS[] = "text/css; charset=utf-8";
    struct buffer plain = {.arena = arena};
    describe_page(registry, SOUK_VERSION, &plain);
    const struct web_page rows[] = {
#ifdef VIEWER
        {"", HTML, text_of(VIEWER_PAGE), {0}},
        {"start.js", "text/javascript; charset=utf-8", text_of(VIEWER_START), {0}},
        {"swagger-ui-bundle.js", "text/javascript; charset=utf-8", EMBEDDED(viewer_script),
         EMBEDDED(viewer_script_packed)},
        {"swagger-ui.css", CSS, EMBEDDED(viewer_style), EMBEDDED(viewer_style_packed)},
        {"licence.txt", "text/plain; charset=utf-8", EMBEDDED(viewer_licence), {0}},
#else
        {"", HTML, buffer_as_text(&plain), {0}},
#endif
        {"plain", HTML, buffer_as_text(&plain), {0}},
        {"plain.css", CSS, text_of(PLAIN_STYLE), {0}},
    };
    struct web_page *pages = ARENA_ARRAY(arena, struct web_page, sizeof rows / sizeof rows[0] + 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        pages[i] = rows[i];
    return pages;
}
