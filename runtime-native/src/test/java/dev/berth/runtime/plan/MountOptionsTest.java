package dev.berth.runtime.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MountOptionsTest {
  /** Bits of struct mount_attr, linux/mount.h. */
  @ParameterizedTest
  @CsvSource({
    "ro, 1, 0",
    "rw, 0, 1",
    "nosuid, 2, 0",
    "suid, 0, 2",
    "nodev, 4, 0",
    "dev, 0, 4",
    "noexec, 8, 0",
    "exec, 0, 8",
    "noatime, 0x10, 0x70",
    "relatime, 0, 0x70",
    "strictatime, 0x20, 0x70",
    "nodiratime, 0x80, 0",
    "diratime, 0, 0x80",
    "nosymfollow, 0x200000, 0",
    "symfollow, 0, 0x200000"
  })
  void attributeIsSetOrClearedOnTheMountOrWithLeadingRonTheTree(
      String option, String set, String clear) {
    var expected = new MountOptions.Attributes(Long.decode(set), Long.decode(clear));
    MountOptions own = parse(List.of(option));
    assertThat(own.attributes()).isEqualTo(expected);
    assertThat(own.treeAttributes()).isEqualTo(MountOptions.Attributes.NONE);
    MountOptions tree = parse(List.of("r" + option));
    assertThat(tree.treeAttributes()).isEqualTo(expected);
    assertThat(tree.attributes()).isEqualTo(MountOptions.Attributes.NONE);
  }

  @Test
  void laterOptionWins() {
    assertThat(parse(List.of("ro", "rw")).attributes().set()).isZero();
    assertThat(parse(List.of("rw", "ro")).attributes().readonly()).isTrue();
    assertThat(parse(List.of("noatime", "strictatime")).attributes().set()).isEqualTo(0x20);
  }

  /** What mount_setattr(2) is told to clear and to set may name a bit in both: set wins there. */
  @Test
  void lastOfOppositesIsWhatTheKernelEndsWith() {
    var attributes = parse(List.of("rw", "ro", "suid", "nosuid")).attributes();
    assertThat(attributes.set()).isEqualTo(3);
  }

  @Test
  void propagationKeepsItsOrder() {
    assertThat(parse(List.of("rslave", "shared")).propagation())
        .containsExactly(
            new MountOptions.Propagation("rslave", 1 << 19, true),
            new MountOptions.Propagation("shared", 1 << 20, false));
  }

  @Test
  void bindIsRecognisedByTypeOrOption() {
    assertThat(MountOptions.parse("m", List.of(), true).bind()).isTrue();
    assertThat(parse(List.of("bind")).bind()).isTrue();
    assertThat(parse(List.of("bind")).recursiveBind()).isFalse();
    assertThat(parse(List.of("rbind")).recursiveBind()).isTrue();
    assertThat(parse(List.of("ro")).bind()).isFalse();
  }

  @Test
  void whatIsNotKnownIsForTheFileSystem() {
    assertThat(parse(List.of("mode=755", "size=64k", "newinstance", "defaults")).data())
        .containsExactly("mode=755", "size=64k", "newinstance");
  }

  @Test
  void bindMountHasNoFileSystemOptions() {
    assertThatThrownBy(() -> MountOptions.parse("mounts[3] /data", List.of("size=1"), true))
        .hasMessage("mounts[3] /data: a bind mount has no option \"size=1\"");
  }

  @ParameterizedTest
  @ValueSource(strings = {"remount"})
  void unsupportedOptionIsNamed(String option) {
    assertThatThrownBy(() -> MountOptions.parse("mounts[0] /x", List.of(option), true))
        .isInstanceOf(BerthException.class)
        .hasMessage("mounts[0] /x: option " + option + " is not supported");
  }

  @ParameterizedTest
  @CsvSource({"shared,20,false", "rslave,19,true", "private,18,false", "runbindable,17,true"})
  void rootPropagationIsRead(String name, int bit, boolean recursive) {
    assertThat(MountOptions.rootPropagation(name))
        .isEqualTo(new MountOptions.Propagation(name, 1L << bit, recursive));
  }

  @Test
  void rootPropagationIsSlaveByDefaultAndNothingElseByName() {
    assertThat(MountOptions.rootPropagation(null).name()).isEqualTo("rslave");
    assertThatThrownBy(() -> MountOptions.rootPropagation("public"))
        .hasMessage("linux.rootfsPropagation: \"public\" is not a propagation");
  }

  private static MountOptions parse(List<String> options) {
    return MountOptions.parse("mounts[0] /x", options, false);
  }
}
