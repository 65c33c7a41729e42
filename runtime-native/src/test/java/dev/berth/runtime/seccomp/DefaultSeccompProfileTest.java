package dev.berth.runtime.seccomp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.runtime.spec.Seccomp;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DefaultSeccompProfileTest {
  private static final DefaultSeccompProfile AMD64 =
      new DefaultSeccompProfile(new DefaultSeccompProfile.Machine("amd64", 6, 18));
  private static final DefaultSeccompProfile ARM64 =
      new DefaultSeccompProfile(new DefaultSeccompProfile.Machine("arm64", 6, 18));
  private static final Set<String> NONE = Set.of();

  @ParameterizedTest
  @CsvSource({
    "read,          CAP_CHOWN,     0,          ALLOW",
    "mount,         CAP_CHOWN,     0,          1",
    "mount,         CAP_SYS_ADMIN, 0,          ALLOW",
    "bpf,           CAP_CHOWN,     0,          1",
    "bpf,           CAP_BPF,       0,          ALLOW",
    "ptrace,        CAP_CHOWN,     0,          ALLOW",
    "io_uring_setup,CAP_SYS_ADMIN, 0,          1",
    "clone3,        CAP_CHOWN,     0,          38",
    "clone3,        CAP_SYS_ADMIN, 0,          ALLOW",
    "clone,         CAP_CHOWN,     0x11,       ALLOW",
    "clone,         CAP_CHOWN,     0x10000011, 1",
    "clone,         CAP_SYS_ADMIN, 0x10000011, ALLOW",
    "personality,   CAP_CHOWN,     0x20008,    ALLOW",
    "personality,   CAP_CHOWN,     0x40000,    1",
    "listns,        CAP_SYS_ADMIN, 0,          38",
    "modify_ldt,    CAP_CHOWN,     0,          ALLOW",
  })
  void callsAreAnsweredByCapabilityAndArgument(
      String call, String capability, String argument, String answer) {
    Seccomp profile = AMD64.forCapabilities(Set.of(capability));
    assertThat(answer(profile, call, Long.decode(argument))).isEqualTo(answer);
  }

  @Test
  void socketFamiliesAreJudgedByTheBitsTheKernelReads() {
    Seccomp profile = AMD64.forCapabilities(NONE);
    assertThat(IntStream.range(0, 64).filter(f -> !answer(profile, "socket", f).equals("ALLOW")))
        .containsExactly(38, 40);
    assertThat(answer(profile, "socket", (1L << 32) + 38)).isEqualTo("1");
    assertThat(answer(profile, "socket", (1L << 32) + 40)).isEqualTo("1");
  }

  @Test
  void capabilitiesThatDoNotMatterShareAProfile() {
    assertThat(AMD64.forCapabilities(Set.of("CAP_CHOWN", "CAP_KILL")))
        .isSameAs(AMD64.forCapabilities(NONE));
  }

  @Test
  void namesOfOtherMachinesAreLeftOut() {
    assertThat(AMD64.forCapabilities(NONE).toString()).doesNotContain("set_tls");
    assertThat(ARM64.forCapabilities(NONE).toString())
        .contains("set_tls")
        .doesNotContain("arch_prctl");
  }

  @Test
  void arm64FilterAnswersForBothItsAbis() {
    BpfInterpreter filter =
        new BpfInterpreter(
            new SeccompCompiler(Abi.AARCH64).compile(ARM64.forCapabilities(NONE)).program());
    assertThat(filter.run(SeccompData.of(Abi.AARCH64, 63)).value()).isEqualTo(0x7fff0000);
    assertThat(filter.run(SeccompData.of(Abi.ARM, 3)).value()).isEqualTo(0x7fff0000);
    assertThat(filter.run(SeccompData.of(Abi.ARM, 0x0f0005)).value()).isEqualTo(0x7fff0000);
    assertThat(filter.run(SeccompData.of(Abi.ARM, 21)).value()).isEqualTo(0x00050001);
  }

  @Test
  void filterIsSmallAndItsSearchShort() {
    SeccompFilter compiled = new SeccompCompiler(Abi.X86_64).compile(AMD64.forCapabilities(NONE));
    BpfInterpreter filter = new BpfInterpreter(compiled.program());
    int steps =
        IntStream.range(0, 470)
            .map(number -> filter.run(SeccompData.of(Abi.X86_64, number)).steps())
            .max()
            .orElseThrow();
    assertThat(compiled.instructions()).isLessThan(500);
    assertThat(steps).isLessThan(32);
  }

  private static String answer(Seccomp profile, String call, long argument) {
    byte[] program = new SeccompCompiler(Abi.X86_64).compile(profile).program();
    int number = Abi.X86_64.number(call).orElseThrow();
    int value =
        new BpfInterpreter(program).run(SeccompData.of(Abi.X86_64, number, argument)).value();
    return value == 0x7fff0000 ? "ALLOW" : Integer.toString(value & 0xffff);
  }
}
