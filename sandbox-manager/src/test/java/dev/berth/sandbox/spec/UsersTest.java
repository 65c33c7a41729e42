package dev.berth.sandbox.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.proto.cri.v1.Int64Value;
import dev.berth.proto.cri.v1.LinuxContainerSecurityContext;
import dev.berth.proto.cri.v1.SupplementalGroupsPolicy;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class UsersTest {
  private static final String PASSWD =
      """
      # comment
      root:x:0:0:root:/root:/bin/sh
      broken line
      www-data:x:33:33:www:/var/www:/bin/false
      1000:x:0:0:digits are a number, not this name:/evil:/bin/sh
      huge:x:4294967295:0::/:/bin/sh
      app:x:1000:1001:app:/home/app:/bin/sh
      """;
  private static final String GROUP =
      """
      root:x:0:
      staff:x:50:app,www-data
      wheel:x:10:root
      video:x:44:app
      """;

  private static final LinuxContainerSecurityContext NOTHING =
      LinuxContainerSecurityContext.getDefaultInstance();

  @ParameterizedTest
  @CsvSource({
    "'', 0, 0, /root",
    "www-data, 33, 33, /var/www",
    "33, 33, 33, /var/www",
    "1000, 1000, 1001, /home/app",
    "77, 77, 0, /",
    "app:video, 1000, 44, /home/app",
    "77:88, 77, 88, /",
    "app:, 1000, 1001, /home/app",
    "4294967294, 4294967294, 0, /",
  })
  void theUserOfTheImageIsResolved(String user, long uid, long gid, String home)
      throws IOException {
    Users.Resolved resolved = Users.resolve(NOTHING, user, files());
    assertThat(resolved.ids().uid()).isEqualTo(uid);
    assertThat(resolved.ids().gid()).isEqualTo(gid);
    assertThat(resolved.ids().supplementalGroups()).contains(gid);
    assertThat(resolved.home()).isEqualTo(home);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "4294967295",
        "99999999999999999999",
        "nobody-knows",
        "huge",
        "-1",
        "app:nogroup",
        "app:4294967295",
        ":5",
        "root\n"
      })
  void aUserThatCannotBeIsNamed(String user) {
    assertThatThrownBy(() -> Users.resolve(NOTHING, user, files()))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("of the image");
  }

  @Test
  void whatThePodAsksForCountsBeforeTheImage() throws IOException {
    var security = NOTHING.toBuilder().setRunAsUser(value(1000)).build();
    assertThat(Users.resolve(security, "www-data", files()).ids().uid()).isEqualTo(1000);
    var named = security.toBuilder().setRunAsUsername("www-data").build();
    assertThat(Users.resolve(named, "app", files()).ids().uid()).isEqualTo(33);
    var zero = NOTHING.toBuilder().setRunAsUser(value(0)).build();
    assertThat(Users.resolve(zero, "www-data", files()).ids().uid()).isZero();
  }

  @Test
  void aGroupOfThePodReplacesThePrimaryGroup() throws IOException {
    var security = NOTHING.toBuilder().setRunAsUser(value(1000)).setRunAsGroup(value(2000)).build();
    assertThat(Users.resolve(security, "", files()).ids().gid()).isEqualTo(2000);
  }

  @Test
  void aGroupWithoutAUserIsRefused() {
    var security = NOTHING.toBuilder().setRunAsGroup(value(2000)).build();
    assertThatThrownBy(() -> Users.resolve(security, "app", files()))
        .hasMessageContaining("run_as_group");
  }

  @Test
  void groupsOfTheImageAreMergedUnlessThePolicyIsStrict() throws IOException {
    var merge = NOTHING.toBuilder().setRunAsUser(value(1000)).addSupplementalGroups(7).build();
    assertThat(Users.resolve(merge, "", files()).ids().supplementalGroups())
        .containsExactly(7L, 44L, 50L, 1001L);
    var strict =
        merge.toBuilder().setSupplementalGroupsPolicy(SupplementalGroupsPolicy.Strict).build();
    assertThat(Users.resolve(strict, "", files()).ids().supplementalGroups())
        .containsExactly(7L, 1001L);
  }

  @Test
  void numbersOfThePodAreBounded() {
    var uid = NOTHING.toBuilder().setRunAsUser(value(4294967295L)).build();
    assertThatThrownBy(() -> Users.resolve(uid, "", files())).hasMessageContaining("run_as_user");
    var negative = NOTHING.toBuilder().setRunAsUser(value(-1)).build();
    assertThatThrownBy(() -> Users.resolve(negative, "", files()))
        .hasMessageContaining("run_as_user");
    var group = NOTHING.toBuilder().addSupplementalGroups(1L << 40).build();
    assertThatThrownBy(() -> Users.resolve(group, "", files()))
        .hasMessageContaining("supplemental_groups");
  }

  @Test
  void filesOfTheImageAreBounded() {
    byte[] bomb = new byte[AccountFiles.MAX_FILE_BYTES + 1];
    assertThatThrownBy(() ->
            AccountFiles.read(
                new ByteArrayInputStream(new byte[0]), new ByteArrayInputStream(bomb)))
        .hasMessageContaining("/etc/group of the image is longer");
  }

  private static Int64Value value(long value) {
    return Int64Value.newBuilder().setValue(value).build();
  }

  private static AccountFiles files() throws IOException {
    return AccountFiles.read(stream(PASSWD), stream(GROUP));
  }

  private static ByteArrayInputStream stream(String text) {
    return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
  }
}
