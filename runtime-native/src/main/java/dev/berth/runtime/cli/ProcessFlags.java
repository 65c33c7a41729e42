package dev.berth.runtime.cli;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.runtime.spec.Capabilities;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.SpecValidator;
import dev.berth.runtime.spec.User;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How a process that exec runs is to differ from the container's first one. */
final class ProcessFlags {
  @Option(
      names = {"-t", "--tty"},
      description = "with a terminal")
  private boolean tty;

  @Option(names = "--cwd", paramLabel = "DIR", description = "working directory in the container")
  private @Nullable String cwd;

  @Option(
      names = {"-u", "--user"},
      paramLabel = "UID[:GID]",
      description = "numbers; names are not looked up")
  private @Nullable String user;

  @Option(
      names = {"-g", "--additional-gids"},
      paramLabel = "GID",
      description = "one more group")
  private List<Long> groups = new ArrayList<>();

  @Option(
      names = {"-e", "--env"},
      paramLabel = "NAME=VALUE",
      description = "added to the container's environment")
  private List<String> env = new ArrayList<>();

  @Option(
      names = {"-c", "--cap"},
      paramLabel = "CAPABILITY",
      description = "one more capability, such as CAP_NET_ADMIN")
  private List<String> capabilities = new ArrayList<>();

  @Option(names = "--apparmor", paramLabel = "PROFILE", description = "AppArmor profile")
  private @Nullable String apparmor;

  @Option(names = "--process-label", paramLabel = "LABEL", description = "SELinux label")
  private @Nullable String label;

  @Option(names = "--no-new-privs", description = "no program gives it more privileges")
  private boolean noNewPrivileges;

  /**
   * Returns the process with these changes.
   *
   * @param first whose environment, groups and capabilities are added to
   * @throws BerthException INVALID_ARGUMENT naming the option or the field that is wrong
   */
  ContainerProcess apply(ContainerProcess.Builder builder, ContainerProcess first) {
    builder.env(joined(first.env(), env)).terminal(tty);
    if (cwd != null) {
      builder.cwd(cwd);
    }
    if (user != null || !groups.isEmpty()) {
      builder.user(user(first.user()));
    }
    if (!capabilities.isEmpty()) {
      builder.capabilities(capabilities(first.capabilities()));
    }
    if (apparmor != null) {
      builder.apparmorProfile(apparmor);
    }
    if (label != null) {
      builder.selinuxLabel(label);
    }
    if (noNewPrivileges) {
      builder.noNewPrivileges(true);
    }
    ContainerProcess process = builder.build();
    SpecValidator.validateProcess("process", process);
    return process;
  }

  private static <T> List<T> joined(List<T> given, List<T> more) {
    List<T> all = new ArrayList<>(given);
    all.addAll(more);
    return all;
  }

  /** Another user has none of the groups of the first process's, but those that are named. */
  private User user(User first) {
    User changed = user == null ? first : parse(user);
    return new User(
        changed.uid(), changed.gid(), changed.umask(), joined(changed.additionalGids(), groups));
  }

  private static User parse(String text) {
    List<String> parts = List.of(text.split(":", 2));
    try {
      long uid = Long.parseLong(parts.getFirst());
      return new User(uid, parts.size() > 1 ? Long.parseLong(parts.getLast()) : 0);
    } catch (NumberFormatException e) {
      throw new BerthException(INVALID_ARGUMENT, "--user " + text + ": must be UID or UID:GID", e);
    }
  }

  /** As runc: all sets but the inheritable, where what is executed could hand them on. */
  private Capabilities capabilities(@Nullable Capabilities given) {
    Capabilities first = given == null ? Capabilities.NONE : given;
    return new Capabilities(
        joined(first.bounding(), capabilities),
        joined(first.effective(), capabilities),
        first.inheritable(),
        joined(first.permitted(), capabilities),
        first.ambient());
  }
}
