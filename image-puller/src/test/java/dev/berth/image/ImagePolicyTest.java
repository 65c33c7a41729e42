package dev.berth.image;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.MetadataStore;
import dev.berth.base.Operation;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.oci.MediaTypes;
import dev.berth.image.registry.Credentials;
import dev.berth.image.registry.RegistrySettings;
import dev.berth.image.testing.DockerRegistry;
import dev.berth.image.testing.Pusher;
import dev.berth.image.testing.TestImage;
import dev.berth.image.testing.TestImage.Compression;
import dev.berth.image.unpack.Tars;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Signs images as cosign does, with the JDK's own keys, and pulls them under a policy. */
@RequiresRoot
class ImagePolicyTest {
  private static final String PAYLOAD =
      """
      {"critical":{"identity":{"docker-reference":"somewhere/app"},\
      "image":{"docker-manifest-digest":"%s"},"type":"cosign container image signature"},\
      "optional":null}\
      """;

  @TempDir Path dir;
  private DockerRegistry registry;
  private Pusher pusher;
  private MetadataStore records;
  private Images images;
  private KeyPair key;

  @BeforeEach
  void start() throws Exception {
    registry = DockerRegistry.start(Files.createDirectory(dir.resolve("registry")));
    pusher = new Pusher(registry);
    key = newKey("EC");
    policy(requireSignature(key));
    records = MetadataStore.open(dir.resolve("meta"));
    images =
        Images.open(
            dir.resolve("images"),
            records,
            RegistrySettings.of(dir.resolve("hosts")),
            new StoreSettings(false, false, List.of(), Optional.of(dir.resolve("policy.toml"))));
  }

  @AfterEach
  void stop() {
    images.close();
    records.close();
    pusher.close();
    registry.close();
  }

  private static KeyPair newKey(String algorithm) throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm);
    if (!algorithm.equals("Ed25519")) {
      generator.initialize(algorithm.equals("EC") ? 256 : 2048);
    }
    return generator.generateKeyPair();
  }

  private String requireSignature(KeyPair... keys) {
    String files =
        Arrays.stream(keys)
            .map(pair -> "\"" + publicKey(pair) + "\"")
            .collect(Collectors.joining(", "));
    return """
    [[rule]]
    repository = "*/app"
    action = "require-signature"
    keys = [%s]
    """
        .formatted(files);
  }

  private Path publicKey(KeyPair pair) {
    byte[] encoded = pair.getPublic().getEncoded();
    Path file = dir.resolve(Digest.ofSha256(encoded).hex() + ".pub");
    try {
      return Files.writeString(
          file,
          "-----BEGIN PUBLIC KEY-----\n"
              + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(encoded)
              + "\n-----END PUBLIC KEY-----\n");
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private void policy(String text) throws IOException {
    Files.writeString(dir.resolve("policy.toml"), text);
  }

  private static TestImage image(String content) {
    return new TestImage().layer(new Tars().file("f", content).bytes(), Compression.GZIP);
  }

  private static byte[] signature(KeyPair pair, byte[] payload) throws GeneralSecurityException {
    Signature signer =
        Signature.getInstance(
            switch (pair.getPublic().getAlgorithm()) {
              case "EC" -> "SHA256withECDSA";
              case "RSA" -> "SHA256withRSA";
              default -> "Ed25519";
            });
    signer.initSign(pair.getPrivate());
    signer.update(payload);
    return signer.sign();
  }

  private void sign(Digest image, KeyPair pair) throws GeneralSecurityException {
    byte[] payload = PAYLOAD.formatted(image).getBytes(UTF_8);
    putSignature(image, payload, Base64.getEncoder().encodeToString(signature(pair, payload)));
  }

  /** Puts a signature where cosign does: a layer of a manifest whose tag is the image's digest. */
  private void putSignature(Digest image, byte[] payload, String signature) {
    byte[] config = "{\"architecture\":\"\",\"os\":\"\"}".getBytes(UTF_8);
    pusher.blob("app", payload);
    pusher.blob("app", config);
    String layer =
        TestImage.descriptor(
            "application/vnd.dev.cosign.simplesigning.v1+json",
            Digest.ofSha256(payload),
            payload.length);
    String manifest =
        """
        {"schemaVersion": 2, "mediaType": "%s", "config": %s, "layers": [%s,
         "annotations": {"dev.cosignproject.cosign/signature": "%s"}}]}
        """
            .formatted(
                MediaTypes.OCI_MANIFEST,
                TestImage.descriptor(MediaTypes.OCI_CONFIG, Digest.ofSha256(config), config.length),
                layer.substring(0, layer.length() - 1),
                signature);
    pusher.manifest(
        "app", "sha256-" + image.hex() + ".sig", MediaTypes.OCI_MANIFEST, manifest.getBytes(UTF_8));
  }

  private ImageRecord pull(String name) {
    return images.pull(
        ImageReference.parse(registry.host() + "/" + name),
        Credentials.none(),
        Operation.internal("PullImage"));
  }

  private void assertRefused(String name, String why) {
    assertThatThrownBy(() -> pull(name))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.KUBELET_REASON))
        .hasMessageStartingWith(
            "SignatureValidationFailed: pull " + registry.host() + "/" + name + ": ")
        .hasMessageContaining(why);
  }

  @ParameterizedTest
  @ValueSource(strings = {"EC", "RSA", "Ed25519"})
  void aSignatureByAKeyOfThePolicyLetsAnImagePass(String algorithm) throws Exception {
    KeyPair other = newKey(algorithm);
    policy(requireSignature(key, other));
    Digest digest = pusher.push("app", "v1", image("a"));
    sign(digest, other);
    assertThat(pull("app:v1").repoTags()).hasSize(1);
    assertThat(pull("app@" + digest).id()).isEqualTo(images.list().getFirst().id());
  }

  @Test
  void withoutASignatureNothingIsPulled() {
    Digest digest = pusher.push("app", "v1", image("a"));
    assertRefused("app:v1", "there is no signature for " + digest);
    assertThat(images.list()).isEmpty();
    pusher.push("other", "v1", image("a"));
    assertThat(pull("other:v1").repoTags()).as("no rule is for it").hasSize(1);
    assertRefused("app:v1", "there is no signature for " + digest);
  }

  @Test
  void aSignatureByAnotherKeyDoesNotCount() throws Exception {
    sign(pusher.push("app", "v1", image("a")), newKey("EC"));
    assertRefused("app:v1", "none of 1 signatures");
  }

  @Test
  void aSignatureOfAnotherDigestDoesNotCount() throws Exception {
    Digest digest = pusher.push("app", "v1", image("a"));
    Digest other = pusher.push("app", "v2", image("b"));
    byte[] payload = PAYLOAD.formatted(other).getBytes(UTF_8);
    putSignature(digest, payload, Base64.getEncoder().encodeToString(signature(key, payload)));
    assertRefused("app:v1", "none of 1 signatures");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "[]",
        "null",
        "{\"critical\":null}",
        "{\"critical\":{\"image\":{},\"type\":\"cosign container image signature\"}}",
        "{\"critical\":{\"image\":{\"docker-manifest-digest\":\"%s\"},\"type\":\"x\"}}",
        "{\"critical\":{\"image\":{\"docker-manifest-digest\":\"%s\"}}}",
        "{\"critical\":{\"image\":{\"docker-manifest-digest\":[\"%s\"]},\"type\":{}}}"
      })
  void aPayloadOfAnotherFormDoesNotCount(String form) throws Exception {
    Digest digest = pusher.push("app", "v1", image("a"));
    byte[] payload = form.formatted(digest).getBytes(UTF_8);
    putSignature(digest, payload, Base64.getEncoder().encodeToString(signature(key, payload)));
    assertRefused("app:v1", "none of 1 signatures");
  }

  @ParameterizedTest
  @CsvSource({"'', none of 1", "AAAA, none of 1", "not base64!, no signature"})
  void nonsenseForASignatureDoesNotCount(String signature, String why) {
    Digest digest = pusher.push("app", "v1", image("a"));
    putSignature(digest, PAYLOAD.formatted(digest).getBytes(UTF_8), signature);
    assertRefused("app:v1", why);
  }

  @Test
  void aTagThatMovedIsCheckedAnewThoughTheImageIsPresent() throws Exception {
    Digest signed = pusher.push("app", "v1", image("a"));
    sign(signed, key);
    ImageRecord before = pull("app:v1");
    pusher.push("app", "v2", image("a"));
    assertThat(pull("app:v2").repoTags()).as("the same digest").hasSize(2);

    Digest moved = pusher.push("app", "v1", image("evil"));
    assertRefused("app:v1", "there is no signature for " + moved);
    assertThat(images.list()).hasSize(1);
    assertThat(images.find(registry.host() + "/app:v1").map(ImageRecord::id))
        .as("the name still stands for what was signed")
        .hasValue(before.id());

    policy("default = \"reject\"");
    assertRefused("app@" + signed, "the image policy rejects the images of");
    policy("default = \"accept\"");
    assertThat(pull("app:v1").id()).isNotEqualTo(before.id());
    policy(requireSignature(key));
    assertRefused("app:v1", "there is no signature for " + moved);
  }

  @Test
  void aSignatureOfTheIndexIsEnough() throws Exception {
    Digest index = pusher.pushIndex("app", "v1", image("a"), image("b").architecture("s390x"));
    assertRefused("app:v1", "there is no signature for " + index);
    sign(index, key);
    assertThat(pull("app:v1").repoDigests()).containsExactly(registry.host() + "/app@" + index);
  }

  @Test
  void rulesCountInTheirOrder() throws Exception {
    pusher.push("team/app", "v1", image("a"));
    pusher.push("team/tool", "v1", image("b"));
    policy(
        """
        default = "reject"
        [[rule]]
        repository = "*/team/tool"
        action = "accept"
        [[rule]]
        repository = "*/team/*"
        action = "reject"
        """);
    assertThat(pull("team/tool:v1").repoTags()).hasSize(1);
    assertRefused("team/app:v1", "the image policy rejects");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "default = \"perhaps\"",
        "default = \"require-signature\"",
        "defualt = \"reject\"",
        "rule = 1",
        "[[rule]]\nrepository = \"a\"",
        "[[rule]]\nrepository = \"a\"\naction = \"require-signature\"",
        "[[rule]]\nrepository = \"a\"\naction = \"require-signature\"\nkeys = [\"relative\"]",
        "[[rule]]\nrepository = \"a\"\naction = \"require-signature\"\nkeys = []",
        "[[rule]]\nrepository = \"a\"\naction = \"accept\"\nkeys = [\"/a\"]",
        "[[rule]]\nrepository = 1\naction = \"accept\"",
        "not toml"
      })
  void aPolicyThatIsNotUnderstoodAcceptsNothing(String text) throws Exception {
    pusher.push("other", "v1", image("a"));
    policy(text);
    assertThatThrownBy(() -> pull("other:v1"))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.INVALID_ARGUMENT))
        .hasMessageContaining("policy.toml");
  }

  @Test
  void aKeyThatCannotBeReadAcceptsNothing() throws Exception {
    sign(pusher.push("app", "v1", image("a")), key);
    Path file = publicKey(key);
    Files.writeString(file, "no key");
    assertThatThrownBy(() -> pull("app:v1")).hasMessageContaining("has no PEM block PUBLIC KEY");
    Files.delete(file);
    assertThatThrownBy(() -> pull("app:v1")).hasMessageContaining("cannot read public key");
  }
}
