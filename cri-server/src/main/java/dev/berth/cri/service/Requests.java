package dev.berth.cri.service;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;

/** Checks that requests have what every server needs of them. */
final class Requests {
  private Requests() {}

  /** Requires a field to be there: {@code required("pod_sandbox_id", !id.isEmpty())}. */
  static void required(String field, boolean present) {
    if (!present) {
      throw new BerthException(INVALID_ARGUMENT, field + " is missing");
    }
  }
}
