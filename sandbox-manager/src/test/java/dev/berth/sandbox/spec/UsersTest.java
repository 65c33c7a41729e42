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

  @ParameterizedTest
  @ValueSource(longs = {-1, -1000, 4294967295L, 4294967296L, Long.MIN_VALUE, Long.MAX_VALUE})
  void everyNumberOfThePodIsInRangeOrNamed(long number) {
    refused(NOTHING.toBuilder().setRunAsUser(value(number)), "run_as_user " + number);
    refused(
        NOTHING.toBuilder().setRunAsUser(value(0)).setRunAsGroup(value(number)),
        "run_as_group " + number);
    refused(NOTHING.toBuilder().addSupplementalGroups(number), "supplemental_groups " + number);
  }

  /** Digits are never a name, whatever the image's files say; nor are they cut to 32 bits. */
  @ParameterizedTest
  @ValueSource(
      strings = {"4294967295", "4294967296", "8589934592", "18446744073709551616", "00000000000"})
  void digitsOutOfRangeAreNeverLookedUp(String digits) throws IOException {
    var files =
        AccountFiles.read(
            stream(digits + ":x:0:0:root:/root:/bin/sh\n"), stream(digits + ":x:0:\n"));
    var byName = NOTHING.toBuilder().setRunAsUsername(digits).build();
    assertThatThrownBy(() -> Users.resolve(byName, "", files))
        .hasMessageContaining("run_as_username \"" + digits + "\"");
    assertThatThrownBy(() -> Users.resolve(NOTHING, digits, files))
        .hasMessageContaining("user of the image \"" + digits + "\"");
    assertThatThrownBy(() -> Users.resolve(NOTHING, "0:" + digits, files))
        .hasMessageContaining("group of the image \"" + digits + "\"");
  }

  @ParameterizedTest
  @CsvSource({
    "Merge, '', -1, -1, 0, 0 10",
    "Merge, app, -1, -1, 1001, 44 50 1001",
    "Merge, app:video, -1, -1, 44, 44 50",
    "Merge, '', 1000, -1, 1001, 44 50 1001",
    "Merge, '', 1000, 2000, 2000, 44 50 2000",
    "Merge, '', 77, 2000, 2000, 2000",
    "Strict, '', -1, -1, 0, 0",
    "Strict, app, -1, -1, 1001, 1001",
    "Strict, app:video, -1, -1, 44, 44",
    "Strict, '', 1000, -1, 1001, 1001",
    "Strict, '', 1000, 2000, 2000, 2000",
  })
  void thePrimaryGroupIsAmongTheGroupsUnderBothPolicies(
      SupplementalGroupsPolicy policy, String image, long user, long group, long gid, String groups)
      throws IOException {
    var security = NOTHING.toBuilder().setSupplementalGroupsPolicy(policy);
    if (user >= 0) {
      security.setRunAsUser(value(user));
    }
    if (group >= 0) {
      security.setRunAsGroup(value(group));
    }
    var ids = Users.resolve(security.build(), image, files()).ids();
    assertThat(ids.gid()).isEqualTo(gid);
    assertThat(ids.supplementalGroups().stream().map(String::valueOf))
        .containsExactly(groups.split(" "));
  }

  private static void refused(LinuxContainerSecurityContext.Builder security, String message) {
    assertThatThrownBy(() -> Users.resolve(security.build(), "", files()))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.INVALID_ARGUMENT))
        .hasMessageContaining(message);
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
