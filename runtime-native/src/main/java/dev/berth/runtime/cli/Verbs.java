package dev.berth.runtime.cli;

import static java.util.Map.entry;
import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;

/** The verbs of the command line, each made when it is wanted. */
final class Verbs {
  private static final Map<String, Supplier<Object>> COMMANDS =
      Map.ofEntries(
          entry("plan", PlanCommand::new),
          entry("run", RunCommand::new),
          entry("create", CreateCommand::new),
          entry("start", StartCommand::new),
          entry("state", StateCommand::new),
          entry("kill", KillCommand::new),
          entry("exec", ExecCommand::new),
          entry("list", ListCommand::new),
          entry("ps", PsCommand::new),
          entry("pause", PauseCommand::new),
          entry("resume", ResumeCommand::new),
          entry("update", UpdateCommand::new),
          entry("events", EventsCommand::new),
          entry("spec", SpecCommand::new),
          entry("features", FeaturesCommand::new),
          entry("checkpoint", CheckpointCommand::new),
          entry("restore", RestoreCommand::new),
          entry("delete", DeleteCommand::new));

  /** Options before the verb that take the next argument, unless they have theirs behind "=". */
  private static final Set<String> WITH_VALUE = Set.of("--root", "--log", "--log-format");

  private Verbs() {}

  static Set<String> names() {
    return new TreeSet<>(COMMANDS.keySet());
  }

  static Object command(String verb) {
    return requireNonNull(COMMANDS.get(verb), verb).get();
  }

  /** Returns the verb of a command line; empty where there is none, or none that is known. */
  static Optional<String> find(List<String> arguments) {
    int at = 0;
    while (at < arguments.size() && arguments.get(at).startsWith("-")) {
      at += WITH_VALUE.contains(arguments.get(at)) ? 2 : 1;
    }
    return at < arguments.size() && COMMANDS.containsKey(arguments.get(at))
        ? Optional.of(arguments.get(at))
        : Optional.empty();
  }
}
