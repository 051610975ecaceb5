/* Words to the supervisor that started the process (systemd's sd_notify, without its library): datagrams to the socket that
   NOTIFY_SOCKET names. Without one nothing is said. */
#pragma once
#include <stdint.h>

void notify_supervisor(const char *words); /* "READY=1", several with line feeds between */
void notify_reloading(void);
/* How often the supervisor wants a sign of life, ms; 0: never. */
uint64_t notify_watchdog_ms(void);
