package dev.berth.image.policy;

import java.nio.file.Path;
import java.util.List;

/** What a policy wants of an image. */
public sealed interface PolicyRule {
  /** It may be pulled. */
  record Accept() implements PolicyRule {}

  /** It may not. */
  record Reject() implements PolicyRule {}

  /**
   * It may be pulled if it is signed.
   *
   * @param keys PEM files with public keys; a signature by one of them is enough
   */
  record RequireSignature(List<Path> keys) implements PolicyRule {
    public RequireSignature {
      keys = List.copyOf(keys);
    }
  }
}
