package dev.berth.runtime.seccomp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.runtime.spec.Seccomp;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class SeccompCompilerTest {
  private static final int ALLOW = 0x7fff0000;
  private static final int ERRNO = 0x00050000;
  private static final int ENOSYS = ERRNO | 38;
  private static final int KILL_PROCESS = 0x80000000;

  @ParameterizedTest
  @EnumSource(
      value = Abi.class,
      names = {"X86_64", "AARCH64"})
  void randomFiltersAnswerAsTheirProfilesSay(Abi host) {
    for (long seed = 0; seed < 300; seed++) {
      RandomProfiles random = new RandomProfiles(seed);
      Seccomp profile = random.profile();
      BpfInterpreter filter =
          new BpfInterpreter(new SeccompCompiler(host).compile(profile).program());
      ReferenceEvaluator reference = new ReferenceEvaluator(profile, host);
      for (int i = 0; i < 200; i++) {
        SeccompData call = random.call();
        if (foreign(call, host)) {
          continue;
        }
        assertThat(Integer.toHexString(filter.run(call).value()))
            .as("seed %d, %s", seed, call)
            .isEqualTo(Integer.toHexString(reference.answer(call)));
      }
    }
  }

  /** Calls of the other machine's ABIs cannot happen; a filter does not carry code for them. */
  private static boolean foreign(SeccompData call, Abi host) {
    boolean intel = call.arch() == Abi.X86_64.auditArch() || call.arch() == Abi.X86.auditArch();
    return intel != (host == Abi.X86_64);
  }

  @Test
  void callsOfAnAbiThatIsNotListedKill() {
    Seccomp profile = profile("SCMP_ACT_ALLOW", null);
    assertThat(answer(profile, SeccompData.of(Abi.X86_64, 0))).isEqualTo(ALLOW);
    assertThat(answer(profile, SeccompData.of(Abi.X86, 3))).isEqualTo(KILL_PROCESS);
    assertThat(answer(profile, SeccompData.of(Abi.X32, 0))).isEqualTo(KILL_PROCESS);
    assertThat(answer(profile, SeccompData.of(Abi.ARM, 0))).isEqualTo(KILL_PROCESS);
  }

  @Test
  void callsNewerThanTheProfileDoNotExist() {
    Seccomp profile = profile("SCMP_ACT_ERRNO", null, allow("read", "faccessat2"));
    assertThat(answer(profile, SeccompData.of(Abi.X86_64, 438))).isEqualTo(ERRNO | 1);
    assertThat(answer(profile, SeccompData.of(Abi.X86_64, 439))).isEqualTo(ALLOW);
    assertThat(answer(profile, SeccompData.of(Abi.X86_64, 440))).isEqualTo(ENOSYS);
  }

  @Test
  void privateCallsOfArmDoNotMakeAProfileNew() {
    Seccomp profile =
        new Seccomp(
            "SCMP_ACT_ERRNO",
            null,
            List.of("SCMP_ARCH_ARM"),
            List.of(),
            null,
            null,
            List.of(allow("read", "set_tls")));
    BpfInterpreter filter =
        new BpfInterpreter(new SeccompCompiler(Abi.AARCH64).compile(profile).program());
    assertThat(filter.run(SeccompData.of(Abi.ARM, 435)).value()).isEqualTo(ENOSYS);
    assertThat(filter.run(SeccompData.of(Abi.ARM, 0x0f0005)).value()).isEqualTo(ALLOW);
  }

  @Test
  void otherDefaultsApplyToNewCallsAsWell() {
    Seccomp profile = profile("SCMP_ACT_KILL_PROCESS", null, allow("read"));
    assertThat(answer(profile, SeccompData.of(Abi.X86_64, 999))).isEqualTo(KILL_PROCESS);
  }

  @Test
  void ruleOnSocketCoversSocketcall() {
    Seccomp permitting = x86Profile("SCMP_ACT_ERRNO", allow("socket", "shmat"));
    assertThat(answer(permitting, SeccompData.of(Abi.X86, 359))).isEqualTo(ALLOW);
    assertThat(answer(permitting, SeccompData.of(Abi.X86, 102, 1))).isEqualTo(ALLOW);
    assertThat(answer(permitting, SeccompData.of(Abi.X86, 102, 2))).isEqualTo(ERRNO | 1);
    assertThat(answer(permitting, SeccompData.of(Abi.X86, 117, 0x10015))).isEqualTo(ALLOW);
  }

  @Test
  void conditionOnSocketNeverOpensSocketcall() {
    Seccomp.Arg family = new Seccomp.Arg(0, 2, 0, "SCMP_CMP_EQ");
    Seccomp permitting =
        x86Profile(
            "SCMP_ACT_ERRNO",
            new Seccomp.Rule(List.of("socket"), "SCMP_ACT_ALLOW", null, List.of(family)));
    Seccomp forbidding =
        x86Profile(
            "SCMP_ACT_ALLOW",
            new Seccomp.Rule(List.of("socket"), "SCMP_ACT_ERRNO", null, List.of(family)));
    assertThat(answer(permitting, SeccompData.of(Abi.X86, 102, 1))).isEqualTo(ERRNO | 1);
    assertThat(answer(forbidding, SeccompData.of(Abi.X86, 102, 1))).isEqualTo(ERRNO | 1);
    assertThat(answer(forbidding, SeccompData.of(Abi.X86, 102, 2))).isEqualTo(ALLOW);
  }

  @Test
  void flagsBecomeBits() {
    Seccomp profile =
        new Seccomp(
            "SCMP_ACT_ALLOW",
            null,
            List.of(),
            List.of(
                "SECCOMP_FILTER_FLAG_TSYNC",
                "SECCOMP_FILTER_FLAG_LOG",
                "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"),
            null,
            null,
            List.of());
    assertThat(new SeccompCompiler(Abi.X86_64).compile(profile).flags()).isEqualTo(0b111);
  }

  @Test
  void equalProfilesAreCompiledOnce() {
    SeccompCompiler compiler = new SeccompCompiler(Abi.X86_64);
    assertThat(compiler.compile(profile("SCMP_ACT_ERRNO", null, allow("read"))))
        .isSameAs(compiler.compile(profile("SCMP_ACT_ERRNO", null, allow("read"))));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          SCMP_ACT_NOPE   | SCMP_ARCH_X86 | SECCOMP_FILTER_FLAG_LOG | SCMP_ACT_ALLOW | SCMP_CMP_EQ | 0 | linux.seccomp.defaultAction: action "SCMP_ACT_NOPE" is not known
          SCMP_ACT_ERRNO  | SCMP_ARCH_Z80 | SECCOMP_FILTER_FLAG_LOG | SCMP_ACT_ALLOW | SCMP_CMP_EQ | 0 | linux.seccomp.architectures[0] "SCMP_ARCH_Z80" is not known
          SCMP_ACT_ERRNO  | SCMP_ARCH_PPC | SECCOMP_FILTER_FLAG_NO  | SCMP_ACT_ALLOW | SCMP_CMP_EQ | 0 | linux.seccomp.flags[0] "SECCOMP_FILTER_FLAG_NO" is not known
          SCMP_ACT_ERRNO  | SCMP_ARCH_X86 | SECCOMP_FILTER_FLAG_LOG | SCMP_ACT_NOPE  | SCMP_CMP_EQ | 0 | linux.seccomp.syscalls[0]: action "SCMP_ACT_NOPE" is not known
          SCMP_ACT_ERRNO  | SCMP_ARCH_X86 | SECCOMP_FILTER_FLAG_LOG | SCMP_ACT_ALLOW | SCMP_CMP_XY | 0 | linux.seccomp.syscalls[0].args[0].op "SCMP_CMP_XY" is not known
          SCMP_ACT_ERRNO  | SCMP_ARCH_X86 | SECCOMP_FILTER_FLAG_LOG | SCMP_ACT_ALLOW | SCMP_CMP_EQ | 6 | linux.seccomp.syscalls[0].args[0].index 6 is not between 0 and 5
          """)
  void whatIsUnknownIsNamed(
      String defaultAction,
      String architecture,
      String flag,
      String action,
      String operator,
      int index,
      String message) {
    Seccomp profile =
        new Seccomp(
            defaultAction,
            null,
            List.of(architecture),
            List.of(flag),
            null,
            null,
            List.of(
                new Seccomp.Rule(
                    List.of("read"),
                    action,
                    null,
                    List.of(new Seccomp.Arg(index, 0, 0, operator)))));
    assertThatThrownBy(() -> new SeccompCompiler(Abi.X86_64).compile(profile))
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).isEqualTo(Kind.INVALID_ARGUMENT))
        .hasMessage(message);
  }

  @Test
  void errnoOfAnActionWithoutOneIsRefused() {
    assertRefused(
        Kind.INVALID_ARGUMENT,
        new Seccomp.Rule(List.of("read"), "SCMP_ACT_KILL", 5, List.of()),
        "linux.seccomp.syscalls[0]: SCMP_ACT_KILL returns no errno, 5 was given");
    assertRefused(
        Kind.INVALID_ARGUMENT,
        new Seccomp.Rule(List.of("read"), "SCMP_ACT_ERRNO", 4096, List.of()),
        "linux.seccomp.syscalls[0]: errno 4096 is not between 0 and 4095");
  }

  @Test
  void notificationTakesAListenerAndNoSynchronizedThreads() {
    Seccomp profile =
        new Seccomp(
            "SCMP_ACT_ALLOW",
            null,
            List.of(),
            List.of(
                "SECCOMP_FILTER_FLAG_TSYNC",
                "SECCOMP_FILTER_FLAG_LOG",
                "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"),
            "/agent",
            null,
            List.of(new Seccomp.Rule(List.of("mkdir"), "SCMP_ACT_NOTIFY", null, List.of())));
    assertThat(new SeccompCompiler().compile(profile).flags()).isEqualTo(1 << 5 | 1 << 3 | 1 << 1);
  }

  @Test
  void filterLargerThanTheKernelTakesIsRefused() {
    List<Seccomp.Rule> rules = new ArrayList<>();
    for (int i = 0; i < 2000; i++) {
      Seccomp.Arg arg = new Seccomp.Arg(0, i, 0, "SCMP_CMP_EQ");
      rules.add(new Seccomp.Rule(List.of("ioctl"), "SCMP_ACT_ALLOW", null, List.of(arg)));
    }
    assertThatThrownBy(() ->
            new SeccompCompiler(Abi.X86_64)
                .compile(profile("SCMP_ACT_ERRNO", null, rules.toArray(Seccomp.Rule[]::new))))
        .isInstanceOf(BerthException.class)
        .hasMessageMatching(
            "linux.seccomp: the profile compiles to \\d+ instructions, the kernel takes 4096");
  }

  private static void assertRefused(Kind kind, Seccomp.Rule rule, String message) {
    assertThatThrownBy(
            () -> new SeccompCompiler(Abi.X86_64).compile(profile("SCMP_ACT_ALLOW", null, rule)))
        .isInstanceOfSatisfying(BerthException.class, e -> assertThat(e.kind()).isEqualTo(kind))
        .hasMessage(message);
  }

  private static int answer(Seccomp profile, SeccompData call) {
    byte[] program = new SeccompCompiler(Abi.X86_64).compile(profile).program();
    return new BpfInterpreter(program).run(call).value();
  }

  private static Seccomp profile(String defaultAction, Integer errno, Seccomp.Rule... rules) {
    return new Seccomp(defaultAction, errno, List.of(), List.of(), null, null, List.of(rules));
  }

  private static Seccomp x86Profile(String defaultAction, Seccomp.Rule rule) {
    return new Seccomp(
        defaultAction, null, List.of("SCMP_ARCH_X86"), List.of(), null, null, List.of(rule));
  }

  private static Seccomp.Rule allow(String... names) {
    return new Seccomp.Rule(List.of(names), "SCMP_ACT_ALLOW", null, List.of());
  }
}
