package dev.berth.image.registry;

import dev.berth.base.Operation;
import dev.berth.image.oci.Descriptor;
import java.util.Optional;

/**
 * The server that sends a blob, and what it said of it.
 *
 * @param step who was asked for what, for messages
 * @param etag names the content, if the server has such a name and it is a strong one
 * @param refusesRanges whether it said that it gives no ranges
 */
record BlobOrigin(
    EndpointClient client, Failures.Step step, Optional<String> etag, boolean refusesRanges) {
  static BlobOrigin of(EndpointClient client, Failures.Step step, Http.Response response) {
    return new BlobOrigin(
        client,
        step,
        response.header("ETag").filter(etag -> !etag.startsWith("W/")),
        response.header("Accept-Ranges").filter("none"::equalsIgnoreCase).isPresent());
  }

  boolean mayGiveRanges() {
    return !refusesRanges && client.mayGiveRanges();
  }

  /** Asks the same server for a range of the same content; the caller closes the answer. */
  BlobBody request(Descriptor descriptor, long from, long to, Operation operation) {
    return client.openRange(step, descriptor, from, to, this, operation);
  }
}
