package dev.berth.image.registry;

import java.io.IOException;
import java.io.InputStream;

/**
 * The body of a blob from the wanted offset on; closing it ends the exchange.
 *
 * @param step who was asked for what, for messages
 */
record BlobBody(Failures.Step step, Http.Response response, InputStream stream)
    implements AutoCloseable {
  static BlobBody of(Failures.Step step, Http.Response response, long skip) throws IOException {
    InputStream stream = response.body();
    stream.skipNBytes(skip);
    return new BlobBody(step, response, stream);
  }

  @Override
  public void close() {
    response.close();
  }
}
