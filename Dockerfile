# The image of souk: one binary, the libraries it is linked to, its configuration. Data live in the volume /data.
#
#   docker build -t souk .
#   docker run --name souk -p 8080:8080 -v souk-data:/data souk
#   docker exec -i souk souk admin create --email ann@example.com --password-stdin --data /data/souk <password
#
# The master key is made at the first start, /data/souk.key: keep a copy of it apart from the backups.

FROM debian:trixie-slim AS build
WORKDIR /souk
COPY tools/deps tools/deps
RUN tools/deps --build && rm -rf /var/lib/apt/lists/*
COPY Makefile LICENSE ./
COPY conf conf
COPY src src
RUN make all && make install DESTDIR=/image PREFIX=/usr && strip /image/usr/bin/souk
# Names the packages that hold the libraries the binary is linked to, for the second stage to install.
RUN ldd /image/usr/bin/souk | awk '$3 ~ /^\// { print $3 }' | xargs -n 1 realpath | xargs dpkg-query -S \
    | sed 's/:.*//' | sort -u >/image/packages

FROM debian:trixie-slim
COPY --from=build /image/packages /tmp/packages
RUN apt-get update \
    && xargs apt-get install -y --no-install-recommends ca-certificates curl </tmp/packages \
    && rm -rf /var/lib/apt/lists/* /tmp/packages \
    && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin souk \
    && install -d -o souk -g souk -m 0700 /data
COPY --from=build /image/usr/bin/souk /usr/bin/souk
# Inside a container the loopback address would be nobody's; and what the network reaches does not answer with tokens.
COPY conf/souk.conf /etc/souk/souk.conf
RUN sed -i 's/^listen *=.*/listen = 0.0.0.0:8080/; s/^mode *=.*/mode = production/; s/^format *=.*/format = json/' /etc/souk/souk.conf \
    && ! ldd /usr/bin/souk | grep 'not found'

USER souk
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD curl -fsS -o /dev/null http://127.0.0.1:8080/healthz || exit 1
ENTRYPOINT ["/usr/bin/souk"]
CMD ["serve", "--config", "/etc/souk/souk.conf", "--data", "/data/souk"]
