package dev.berth.image.oci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ImageReferenceTest {
  private static final String HEX = "0123456789abcdef".repeat(4);

  @ParameterizedTest
  @CsvSource({
    "busybox, docker.io/library/busybox:latest",
    "busybox:1.36, docker.io/library/busybox:1.36",
    "docker.io/busybox, docker.io/library/busybox:latest",
    "index.docker.io/library/busybox, docker.io/library/busybox:latest",
    "user/app, docker.io/user/app:latest",
    "localhost/app, localhost/app:latest",
    "localhost:5000/app:v1, localhost:5000/app:v1",
    "127.0.0.1:5000/a/b__c/d--e, 127.0.0.1:5000/a/b__c/d--e:latest",
    "[::1]:5000/app, [::1]:5000/app:latest",
    "registry.k8s.io/e2e-test-images/busybox:1.29-2, registry.k8s.io/e2e-test-images/busybox:1.29-2",
    "Host/app, Host/app:latest",
  })
  void shortNamesAreCompleted(String text, String complete) {
    assertThat(ImageReference.parse(text)).hasToString(complete);
    assertThat(ImageReference.parse(complete)).hasToString(complete);
  }

  @Test
  void aDigestReplacesTheTag() {
    var reference = ImageReference.parse("quay.io/x/y:v1@sha256:" + HEX);
    assertThat(reference).hasToString("quay.io/x/y@sha256:" + HEX);
    assertThat(reference.tag()).isNull();
    assertThat(reference.tagOrDigest()).isEqualTo("sha256:" + HEX);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "/",
        "a/",
        "/a",
        "UPPER",
        "a//b",
        "a:b:c",
        "a:",
        "a@",
        "a@sha256:12",
        "a@md5:12",
        "../../etc/passwd",
        "a/../b",
        "reg.io/..",
        "reg.io/a:../x",
        "a b",
        "a\nb",
        "a:t\0",
        "reg.io:99x/a",
        "-reg.io/a",
        "reg..io/a",
        "http://reg.io/a",
        "a?x=1",
        "a#b",
        "user:pw@reg.io/a",
        "a:-tag",
        ".a",
      })
  void hostileOrBrokenTextIsRefusedByName(String text) {
    assertThatThrownBy(() -> ImageReference.parse(text))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.INVALID_ARGUMENT))
        .message()
        .matches("(?s)(image reference|not a digest).*")
        .doesNotContain("\n", "\0");
  }

  @Test
  void tooLongNamesAreRefused() {
    assertThatThrownBy(() -> ImageReference.parse("a".repeat(256)))
        .hasMessageContaining("longer than 255");
    assertThatThrownBy(() -> ImageReference.parse("a:" + "t".repeat(129)))
        .hasMessageContaining("tag");
  }
}
