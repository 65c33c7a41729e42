package dev.berth.runtime.cgroup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CgroupPathTest {
  @ParameterizedTest
  @CsvSource({
    "/kubepods/pod1/c1, kubepods/pod1/c1",
    "//kubepods//pod1/, kubepods/pod1",
    "/kube..pods/c:1,   kube..pods/c:1",
  })
  void absolutePathsAreRead(String text, String relative) {
    assertThat(CgroupPath.parse(text).relative()).isEqualTo(relative);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "/", "a/b", "../a", "/a/../b", "/..", "/a/./b", "/a\nb", "/a:b:c\u0000"})
  void pathsThatLeadElsewhereAreRefused(String text) {
    assertThatThrownBy(() -> CgroupPath.parse(text))
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).isEqualTo(Kind.INVALID_ARGUMENT))
        .hasMessageStartingWith("linux.cgroupsPath \"");
  }

  @ParameterizedTest
  @CsvSource({
    "kubepods-burstable-pod1.slice:cri-berth:abc, "
        + "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-berth-abc.scope",
    ":runc:c1, system.slice/runc-c1.scope",
    "-.slice:cri:c1, cri-c1.scope",
  })
  void scopesOfSystemdAreWhereItPutsThem(String text, String relative) {
    assertThat(CgroupPath.parse(text).relative()).isEqualTo(relative);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a.scope:cri:c",
        "-a.slice:cri:c",
        "a--b.slice:cri:c",
        "a-.slice:cri:c",
        ".slice:cri:c",
        "..slice:cri:c",
        "a/b.slice:cri:c",
        "a.slice:cri:",
        "a.slice:cri:c/d",
        "a.slice:c ri:c",
        "a.slice:cri:c\nd",
        "a.slice:b:c:d"
      })
  void namesThatNoUnitCanHaveAreRefused(String text) {
    assertThatThrownBy(() -> CgroupPath.parse(text))
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).isEqualTo(Kind.INVALID_ARGUMENT))
        .hasMessageStartingWith("linux.cgroupsPath \"");
  }

  @Test
  void ancestorsAreListedFromTheOutermost() {
    assertThat(CgroupPath.parse("/a/b/c").ancestors())
        .extracting(CgroupPath::relative)
        .containsExactly("a", "a/b");
  }
}
