package dev.berth.image.registry;

import java.io.InputStream;

/**
 * The body of a blob from the wanted offset on; closing it ends the exchange.
 *
 * @param origin who sends it
 */
record BlobBody(BlobOrigin origin, Http.Response response) implements AutoCloseable {
  InputStream stream() {
    return response.body();
  }

  /** Who was asked for what, for messages. */
  Failures.Step step() {
    return origin.step();
  }

  @Override
  public void close() {
    response.close();
  }
}
