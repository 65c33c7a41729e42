package dev.berth.image.oci;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DocumentsTest {
  private static final String A = "sha256:" + "a".repeat(64);
  private static final String B = "sha256:" + "b".repeat(64);
  private static final Platform AMD64 = new Platform("linux", "amd64", null);

  private static final String MANIFEST =
      """
      {"schemaVersion": 2, "mediaType": "%s",
       "config": {"mediaType": "%s", "digest": "%s", "size": 7},
       "layers": [{"mediaType": "%s+gzip", "digest": "%s", "size": 9}]}
      """
          .formatted(MediaTypes.OCI_MANIFEST, MediaTypes.OCI_CONFIG, A, MediaTypes.OCI_LAYER, B);

  private static final String INDEX =
      """
      {"schemaVersion": 2, "manifests": [
        {"mediaType": "m", "digest": "%s", "size": 1, "platform": {"os": "unknown", "architecture": "unknown"}},
        {"mediaType": "m", "digest": "%s", "size": 1, "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
        {"mediaType": "m", "digest": "%s", "size": 1, "platform": {"os": "linux", "architecture": "amd64"}}]}
      """
          .formatted(A, A, B);

  private static Document parse(String json, String contentType) {
    return Documents.parseManifest(json.getBytes(UTF_8), contentType);
  }

  @Test
  void aManifestHasConfigAndLayers() {
    var manifest = (Manifest) parse(MANIFEST, MediaTypes.OCI_MANIFEST + "; charset=utf-8");
    assertThat(manifest.config().digest()).hasToString(A);
    assertThat(manifest.layers()).hasSize(1);
    assertThat(manifest.layers().getFirst().sizeBytes()).isEqualTo(9);
  }

  @Test
  void anIndexChoosesThePlatform() {
    var index = (Index) parse(INDEX, MediaTypes.OCI_INDEX);
    assertThat(index.choose(AMD64).digest()).hasToString(B);
    assertThat(index.choose(new Platform("linux", "arm64", "v8")).digest()).hasToString(A);
  }

  @ParameterizedTest
  @CsvSource({"amd64,,true", "amd64,v1,true", "amd64,v3,false", "arm64,,false"})
  void aVariantThatNeedsMoreIsNotTaken(String architecture, String variant, boolean accepted) {
    assertThat(AMD64.accepts(new Platform("linux", architecture, variant))).isEqualTo(accepted);
  }

  @Test
  void aMissingPlatformNamesThoseThatAreThere() {
    var index = (Index) parse(INDEX, null);
    assertThatThrownBy(() -> index.choose(new Platform("linux", "riscv64", null)))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.NOT_FOUND))
        .hasMessage("no image for linux/riscv64, only linux/amd64, linux/arm64/v8");
  }

  @ParameterizedTest
  @CsvSource({
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json"
  })
  void aManifestServedAsAnIndexIsRefused(String contentType) {
    assertThatThrownBy(() -> parse(MANIFEST, contentType)).hasMessageContaining("Content-Type");
    String lying = MANIFEST.replace(MediaTypes.OCI_MANIFEST, contentType);
    assertThatThrownBy(() -> parse(lying, null)).hasMessageContaining("mediaType field");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "null",
        "[]",
        "{}",
        "{\"schemaVersion\": 1, \"layers\": []}",
        "{\"schemaVersion\": 2}",
        "{\"schemaVersion\": 2, \"layers\": [], \"manifests\": []}",
        "{\"schemaVersion\": 2, \"layers\": []}",
        "{\"schemaVersion\": 2, \"layers\": [], \"layers\": []}",
        "{\"schemaVersion\": 2, \"layers\": [null], \"config\": {}}",
        "{\"schemaVersion\": 2, \"manifests\": [{\"digest\": \"sha256:../../x\", \"size\": 1}]}",
        "{\"schemaVersion\": 2, \"manifests\": []} trailing",
        "{'schemaVersion': 2, 'manifests': []}",
      })
  void brokenManifestsAreRefused(String json) {
    assertThatThrownBy(() -> parse(json, null))
        .isInstanceOf(BerthException.class)
        .hasMessageStartingWith("manifest: ");
  }

  @Test
  void negativeSizesAndTooManyLayersAreRefused() {
    assertThatThrownBy(() -> parse(MANIFEST.replace("\"size\": 9", "\"size\": -9"), null))
        .hasMessageContaining("layers[0] must have a digest and a size");
    String layer = "{\"digest\": \"" + B + "\", \"size\": 1}";
    String many = (layer + ",").repeat(500) + layer;
    assertThatThrownBy(() ->
            parse(
                "{\"schemaVersion\": 2, \"config\":" + layer + ", \"layers\": [" + many + "]}",
                null))
        .hasMessageContaining("501 layers");
  }

  @Test
  void aConfigSaysHowToRunAndNothingElse() {
    var document =
        Documents.parseConfig(
            """
            {"os": "linux", "architecture": "amd64", "history": [{"x": 1}],
             "config": {"Entrypoint": ["/bin/sh"], "Cmd": null, "Env": ["A=b"], "User": "1:2",
                        "WorkingDir": "/w", "Volumes": {"/data": {}}, "StopSignal": "SIGINT",
                        "Labels": {"containerd.io/restart.loguri": "binary:///bin/evil"},
                        "Healthcheck": {"Test": ["CMD"]}},
             "rootfs": {"type": "layers", "diff_ids": ["%s", "%s"]}}
            """
                .formatted(A, B)
                .getBytes(UTF_8));
    assertThat(document.config().entrypoint()).containsExactly("/bin/sh");
    assertThat(document.config().cmd()).isEmpty();
    assertThat(document.config().volumes()).containsExactly("/data");
    assertThat(document.config().stopSignal()).isEqualTo("SIGINT");
    assertThat(document.chainIds()).containsExactly(Digest.parse(A), Digest.ofSha256(A + " " + B));
  }

  @Test
  void aConfigWithoutPlatformOrWithNullsIsRefused() {
    assertThatThrownBy(() -> Documents.parseConfig("{}".getBytes(UTF_8)))
        .hasMessageContaining("os and architecture");
    assertThatThrownBy(() ->
            Documents.parseConfig(
                "{\"os\":\"linux\",\"architecture\":\"amd64\",\"config\":{\"Env\":[null]}}"
                    .getBytes(UTF_8)))
        .hasMessageContaining("config.Env holds a null");
  }
}
