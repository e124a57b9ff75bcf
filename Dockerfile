# spanproof as an image: compiled once, run on a slim Debian without a compiler.
FROM rust:1.95.0-bookworm AS build
# The image's own toolchain is the pinned one; without this, rustup would fetch the components that only tests need.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /src
COPY . .
# The caches belong to the build machine, so the binary is copied out of them in the same step.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin spanproof && cp target/release/spanproof /spanproof

FROM debian:12-slim
COPY --from=build /spanproof /usr/local/bin/spanproof
WORKDIR /runs
ENTRYPOINT ["spanproof"]
CMD ["--help"]
