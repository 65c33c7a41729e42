package dev.berth.sandbox.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.proto.cri.v1.LinuxContainerSecurityContext;
import dev.berth.proto.cri.v1.SecurityProfile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@SuppressWarnings("deprecation") // the old field is what half of this is about
final class AppArmorChoiceTest {
  private static final AppArmorChoice DEFAULT = new AppArmorChoice.RuntimeDefault();

  @Test
  void withoutAnyFieldItIsTheDefaultProfile() {
    assertThat(AppArmorChoice.of(LinuxContainerSecurityContext.getDefaultInstance()))
        .isEqualTo(DEFAULT);
  }

  @Test
  void theNewFieldCountsBeforeTheOldOne() {
    var both =
        LinuxContainerSecurityContext.newBuilder()
            .setApparmor(profile(SecurityProfile.ProfileType.Localhost, "mine"))
            .setApparmorProfile("unconfined");
    assertThat(AppArmorChoice.of(both.build())).isEqualTo(new AppArmorChoice.Localhost("mine"));
  }

  @Test
  void theNewFieldMayHaveThePrefixOfTheOldOne() {
    var security =
        LinuxContainerSecurityContext.newBuilder()
            .setApparmor(profile(SecurityProfile.ProfileType.Localhost, "localhost/mine"));
    assertThat(AppArmorChoice.of(security.build())).isEqualTo(new AppArmorChoice.Localhost("mine"));
  }

  @Test
  void theOldFieldHasThreeForms() {
    assertThat(old("runtime/default")).isEqualTo(DEFAULT);
    assertThat(old("unconfined")).isEqualTo(new AppArmorChoice.Unconfined());
    assertThat(old("localhost/mine")).isEqualTo(new AppArmorChoice.Localhost("mine"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"mine", "localhost/", "localhost/a b", "localhost/a\nb"})
  void oldTextThatIsNoneOfThemIsRefused(String text) {
    assertThatThrownBy(() -> old(text)).isInstanceOf(BerthException.class);
  }

  @ParameterizedTest
  @CsvSource({"RuntimeDefault, mine", "Unconfined, mine", "Localhost, ''"})
  void referenceAndTypeMustFit(SecurityProfile.ProfileType type, String reference) {
    var security =
        LinuxContainerSecurityContext.newBuilder().setApparmor(profile(type, reference)).build();
    assertThatThrownBy(() -> AppArmorChoice.of(security))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("localhost_ref");
  }

  private static AppArmorChoice old(String text) {
    return AppArmorChoice.of(
        LinuxContainerSecurityContext.newBuilder().setApparmorProfile(text).build());
  }

  private static SecurityProfile profile(SecurityProfile.ProfileType type, String reference) {
    return SecurityProfile.newBuilder().setProfileType(type).setLocalhostRef(reference).build();
  }
}
