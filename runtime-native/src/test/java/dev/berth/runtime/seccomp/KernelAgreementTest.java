package dev.berth.runtime.seccomp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.runtime.spec.Seccomp;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Loads filters into the running kernel and compares its answers with the profile's. The program
 * that asks is {@code src/test/c/seccomp-probe.c}.
 */
@RequiresRoot // a filter without no_new_privs
class KernelAgreementTest {
  private static final Abi HOST = Abi.host();

  /** The call the probe needs itself, and two that the kernel exempts from every filter. */
  private static final Set<Integer> UNASKABLE =
      Stream.of("seccomp", "uprobe", "uretprobe")
          .flatMap(name -> HOST.number(name).stream().boxed())
          .collect(Collectors.toSet());

  @TempDir private static Path directory;
  private static Path probe;

  @BeforeAll
  static void buildProbe() throws Exception {
    probe = directory.resolve("seccomp-probe");
    Path source = Path.of(System.getProperty("berth.root.dir"), "runtime-native/src/test/c");
    Process gcc =
        new ProcessBuilder(
                "gcc",
                "-O1",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-o",
                probe.toString(),
                source.resolve("seccomp-probe.c").toString())
            .inheritIO()
            .start();
    assertThat(gcc.waitFor()).as("gcc").isZero();
  }

  @Test
  void randomFiltersAnswerAsTheirProfilesSay() throws Exception {
    for (long seed = 1000; seed < 1020; seed++) {
      RandomProfiles random = new RandomProfiles(seed);
      assertAgreement("seed " + seed, random.profile(), callsOf(random, 60));
    }
  }

  @Test
  void defaultProfileAnswersForEveryCall() throws Exception {
    Seccomp profile = new DefaultSeccompProfile().forCapabilities(Set.of("CAP_CHOWN"));
    List<SeccompData> calls = new ArrayList<>();
    for (int number = 0; number < 480; number++) {
      addAsked(calls, SeccompData.of(HOST, number, 40, 41));
      if (HOST == Abi.X86_64) {
        addAsked(calls, SeccompData.of(Abi.X86, number, 1));
        addAsked(calls, SeccompData.of(Abi.X32, number, 1));
      }
    }
    assertAgreement("default profile", profile, calls);
  }

  private static List<SeccompData> callsOf(RandomProfiles random, int count) {
    List<SeccompData> calls = new ArrayList<>();
    while (calls.size() < count) {
      addAsked(calls, random.call());
    }
    return calls;
  }

  private static void addAsked(List<SeccompData> calls, SeccompData call) {
    if (call.arch() == Abi.X86.auditArch() && HOST == Abi.X86_64) {
      calls.add(narrowed(call));
    } else if (call.arch() == HOST.auditArch() && !UNASKABLE.contains(call.nr())) {
      calls.add(call);
    }
  }

  /** A 32-bit call has 32-bit arguments; the kernel widens them with zeros. */
  private static SeccompData narrowed(SeccompData call) {
    return new SeccompData(
        call.nr(), call.arch(), call.args().stream().map(arg -> arg & 0xffffffffL).toList());
  }

  private static void assertAgreement(String what, Seccomp profile, List<SeccompData> calls)
      throws IOException, InterruptedException {
    ReferenceEvaluator reference = new ReferenceEvaluator(profile, HOST);
    List<String> expected =
        calls.stream().map(call -> call + " -> " + outcome(reference.answer(call))).toList();
    List<String> answers = ask(new SeccompCompiler().compile(profile), calls);
    List<String> actual = new ArrayList<>();
    for (int i = 0; i < answers.size(); i++) {
      actual.add(calls.get(i) + " -> " + answers.get(i));
    }
    assertThat(actual).as(what).isEqualTo(expected);
  }

  /** What the probe sees of a filter's answer; see there for the number 4000. */
  private static String outcome(int answer) {
    return switch (answer & 0xffff0000) {
      case 0x80000000, 0 -> "killed";
      case 0x00030000 -> "trap";
      case 0x00050000 -> Integer.toString(-(answer & 0xffff));
      default -> "-4000";
    };
  }

  private static List<String> ask(SeccompFilter filter, List<SeccompData> calls)
      throws IOException, InterruptedException {
    Path program = Files.write(directory.resolve("filter"), filter.program());
    Path questions =
        Files.write(
            directory.resolve("questions"),
            calls.stream().map(KernelAgreementTest::question).toList());
    Path answers = directory.resolve("answers");
    Process process =
        new ProcessBuilder(probe.toString(), program.toString(), Integer.toString(filter.flags()))
            .redirectInput(questions.toFile())
            .redirectOutput(answers.toFile())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("the probe ended").isTrue();
    assertThat(process.exitValue()).as("exit status of the probe").isZero();
    return Files.readAllLines(answers);
  }

  private static String question(SeccompData call) {
    String abi = call.arch() == Abi.X86.auditArch() ? "x86 " : "native ";
    return abi
        + Integer.toHexString(call.nr())
        + call.args().stream()
            .map(arg -> " " + Long.toHexString(arg))
            .collect(Collectors.joining());
  }
}
