package dev.berth.image.oci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class IndexTest {
  /** One manifest per platform; its size is its place. */
  private static Index index(String platforms) {
    List<Descriptor> manifests = new ArrayList<>();
    for (String platform : platforms.split(" ")) {
      manifests.add(
          new Descriptor(
              MediaTypes.OCI_MANIFEST,
              Digest.ofSha256(platform),
              manifests.size(),
              platform.equals("none") ? null : parse(platform)));
    }
    return new Index(manifests);
  }

  private static Platform parse(String text) {
    String[] parts = text.split("/");
    return new Platform(parts[0], parts[1], parts.length > 2 ? parts[2] : null);
  }

  @ParameterizedTest
  @CsvSource({
    "linux/amd64, linux/amd64/v3 linux/amd64, 1",
    "linux/amd64, linux/amd64/v3 linux/amd64/v2 linux/amd64/v1, 2",
    "linux/amd64, linux/amd64 linux/amd64/v3, 0",
    "linux/amd64, none linux/amd64/v3 linux/amd64, 2",
    "linux/amd64, unknown/unknown linux/amd64/v3 none, 2",
    "linux/amd64, windows/amd64 linux/arm64 linux/amd64, 2",
    "linux/arm64/v8, linux/arm/v7 linux/arm64/v9 linux/arm64/v8, 2",
    "linux/arm64/v8, linux/arm64/v9 linux/arm64, 1",
    "linux/arm64, linux/arm64/v9 linux/arm64/v8 linux/arm64, 1",
  })
  void thePlainVariantIsChosenWhereverItStands(String wanted, String platforms, int place) {
    assertThat(index(platforms).choose(parse(wanted)).sizeBytes()).isEqualTo(place);
  }

  @ParameterizedTest
  @CsvSource({
    "linux/amd64, linux/amd64/v3 unknown/unknown, only linux/amd64/v3",
    "linux/arm64/v8, linux/arm64/v9 linux/arm/v8, 'only linux/arm/v8, linux/arm64/v9'",
    "linux/amd64, unknown/unknown, only an empty index",
  })
  void aVariantThatNeedsMoreIsNoSubstitute(String wanted, String platforms, String message) {
    assertThatThrownBy(() -> index(platforms).choose(parse(wanted)))
        .hasMessage("no image for " + wanted + ", " + message);
  }
}
