package dev.berth.runtime.seccomp;

import dev.berth.runtime.kernel.SyscallTable;
import dev.berth.runtime.spec.Seccomp;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The profile of Kubernetes' {@code RuntimeDefault}: the one containerd applies but for one hole
 * closed, from {@code default-profile.tsv} beside this class.
 *
 * <p>It depends on the capabilities granted to the container (mount(2) is allowed to one that has
 * CAP_SYS_ADMIN), on the architecture and on the kernel. Thread-safe; containers with the same
 * capabilities get the same object, which {@link SeccompCompiler} compiles once.
 */
public final class DefaultSeccompProfile {
  private static final String RESOURCE = "default-profile.tsv";
  private static final Pattern RELEASE = Pattern.compile("(\\d+)\\.(\\d+).*");
  private static final int EPERM = 1;

  /**
   * The facts a profile depends on.
   *
   * @param architecture as in the Go world: {@code amd64}, {@code arm64}
   */
  record Machine(String architecture, int kernelMajor, int kernelMinor) {
    static Machine host() {
      String release = System.getProperty("os.version");
      Matcher version = RELEASE.matcher(release);
      if (!version.matches()) {
        throw new IllegalStateException("cannot read the kernel release " + release);
      }
      return new Machine(
          SyscallTable.host().architecture(),
          Integer.parseInt(version.group(1)),
          Integer.parseInt(version.group(2)));
    }
  }

  private final List<ProfileRow> rows;
  private final Machine machine;
  private final Set<String> capabilitiesThatMatter;
  private final Map<Set<String>, Seccomp> built = new ConcurrentHashMap<>();

  /** Reads the profile for the machine this JVM runs on. */
  public DefaultSeccompProfile() {
    this(Machine.host());
  }

  DefaultSeccompProfile(Machine machine) {
    this.machine = machine;
    this.rows = readRows();
    this.capabilitiesThatMatter = capabilitiesIn(rows);
  }

  private static List<ProfileRow> readRows() {
    try (var in = DefaultSeccompProfile.class.getResourceAsStream(RESOURCE)) {
      if (in == null) {
        throw new IllegalStateException("the class path lacks " + RESOURCE);
      }
      return new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))
          .lines()
          .filter(line -> !line.startsWith("#"))
          .skip(1) // the names of the columns
          .map(ProfileRow::parse)
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + RESOURCE, e);
    }
  }

  private static Set<String> capabilitiesIn(List<ProfileRow> rows) {
    return rows.stream()
        .flatMap(row -> row.requirements().stream())
        .map(r -> r instanceof ProfileRow.Requirement.Not(var inner) ? inner : r)
        .filter(ProfileRow.Requirement.Granted.class::isInstance)
        .flatMap(r -> ((ProfileRow.Requirement.Granted) r).any().stream())
        .collect(Collectors.toUnmodifiableSet());
  }

  /**
   * Returns the profile of a container.
   *
   * @param granted names of the capabilities in its bounding set, such as {@code CAP_CHOWN}
   */
  public Seccomp forCapabilities(Set<String> granted) {
    Set<String> relevant =
        granted.stream()
            .filter(capabilitiesThatMatter::contains)
            .collect(Collectors.toUnmodifiableSet());
    return built.computeIfAbsent(relevant, this::build);
  }

  /** What rules with one entry for several names have in common. */
  private record Treatment(String action, @Nullable Integer errnoRet, List<Seccomp.Arg> args) {}

  private Seccomp build(Set<String> capabilities) {
    Map<Treatment, Set<String>> names = new LinkedHashMap<>();
    rows.stream()
        .filter(row -> row.applies(machine, capabilities))
        .forEach(row ->
            names
                .computeIfAbsent(
                    new Treatment(row.action(), row.errnoRet(), row.args()),
                    _ -> new LinkedHashSet<>())
                .add(row.syscall()));
    List<Seccomp.Rule> rules = new ArrayList<>();
    names.forEach((t, calls) ->
        rules.add(new Seccomp.Rule(List.copyOf(calls), t.action(), t.errnoRet(), t.args())));
    return new Seccomp("SCMP_ACT_ERRNO", EPERM, architectures(), List.of(), null, null, rules);
  }

  private List<String> architectures() {
    return switch (machine.architecture()) {
      case "amd64" -> List.of("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32");
      case "arm64" -> List.of("SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64");
      default ->
          throw new IllegalStateException("no default profile for " + machine.architecture());
    };
  }
}
