package dev.berth.image.policy;

import static dev.berth.base.BerthException.Kind.KUBELET_REASON;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.registry.RegistrySession;
import dev.berth.image.registry.RegistrySession.FetchedManifest;
import java.nio.file.Path;
import java.security.PublicKey;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Decides whether an image may be pulled, by its repository and the digest that its name stands for
 * now. The policy is read anew for every pull. Thread-safe.
 *
 * <p>A signature is a manifest in the image's own repository, under a tag made of the digest that
 * was signed. It counts if a key of the policy made it over the payload, and the payload names that
 * digest; what else the payload says, the repository for one, is not looked at, as cosign does.
 */
public final class PolicyCheck {
  /** What the kubelet looks for at the beginning of a message. */
  public static final String FAILED = "SignatureValidationFailed: ";

  private static final int MAX_PAYLOAD_BYTES = 64 * 1024;

  private final Optional<Path> file;

  /**
   * Checks by a file; without one everything is accepted.
   *
   * @throws BerthException INVALID_ARGUMENT if the file is not a policy
   */
  public PolicyCheck(Optional<Path> file) {
    this.file = file;
    file.ifPresent(ImagePolicy::read);
  }

  /**
   * Lets an image pass or throws.
   *
   * @param manifests digest of what the reference stands for, and of the manifests below it that
   *     led to the image; a signature for one of them is enough, because each names the next
   * @throws BerthException KUBELET_REASON with a message beginning {@code
   *     SignatureValidationFailed: } if it may not be pulled, the same beginning {@code
   *     RegistryUnavailable: } if that cannot be found out, INVALID_ARGUMENT if the policy or a key
   *     is wrong
   */
  public void enforce(
      ImageReference reference,
      Set<Digest> manifests,
      RegistrySession session,
      Operation operation) {
    PolicyRule rule =
        file.map(ImagePolicy::read)
            .map(policy -> policy.ruleFor(reference.name()))
            .orElseGet(PolicyRule.Accept::new);
    switch (rule) {
      case PolicyRule.Accept _ -> {}
      case PolicyRule.Reject _ ->
          throw refused("the image policy rejects the images of " + reference.name());
      case PolicyRule.RequireSignature required ->
          requireSignature(required, manifests, session, operation);
    }
  }

  private static void requireSignature(
      PolicyRule.RequireSignature required,
      Set<Digest> manifests,
      RegistrySession session,
      Operation operation) {
    List<PublicKey> keys = required.keys().stream().map(PublicKeys::read).toList();
    int seen = 0;
    for (Digest digest : manifests) {
      List<CosignManifest.Entry> signatures = signatures(digest, session, operation);
      for (CosignManifest.Entry entry : signatures) {
        seen++;
        byte[] payload = session.fetchBlob(entry.payload(), MAX_PAYLOAD_BYTES, operation);
        boolean signed =
            keys.stream().anyMatch(key -> PublicKeys.verify(key, payload, entry.signature()));
        if (signed && CosignManifest.isAbout(payload, Set.of(digest))) {
          return;
        }
      }
    }
    String digest = manifests.iterator().next().toString();
    throw refused(
        seen == 0
            ? "there is no signature for " + digest
            : "none of " + seen + " signatures for " + digest + " is by a key of the image policy");
  }

  private static List<CosignManifest.Entry> signatures(
      Digest digest, RegistrySession session, Operation operation) {
    String tag = digest.algorithm() + "-" + digest.hex() + ".sig";
    try {
      FetchedManifest fetched = session.fetchManifest(tag, null, operation);
      return CosignManifest.parse(fetched.raw(), fetched.contentType());
    } catch (BerthException e) {
      if (e.kind() == NOT_FOUND) {
        return List.of();
      }
      throw e;
    }
  }

  private static BerthException refused(String why) {
    return new BerthException(KUBELET_REASON, FAILED + why);
  }
}
