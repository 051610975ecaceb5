#include "main/demo.h"
#include <string.h>
bool demo_size_of(const char *scale, struct demo_size *size) { (void)size; return strcmp(scale, "small") == 0; }
bool demo_fill(const char *control_socket, const char *host, uint16_t port, const struct demo_size *size, uint64_t seed, char problem[256]) { (void)control_socket,(void)host,(void)port,(void)size,(void)seed,(void)problem; return true; }
void demo_introduce(const char *host, uint16_t port) { (void)host,(void)port; }
int run_demo(const struct arguments *arguments) { (void)arguments; return 0; }
