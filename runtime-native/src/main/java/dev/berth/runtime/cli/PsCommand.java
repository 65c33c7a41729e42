package dev.berth.runtime.cli;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.BerthException;
import dev.berth.runtime.task.Task;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Lists the processes of a container: as their numbers, or as ps(1) shows them. */
@Command(name = "ps", description = "Lists the processes of a container.")
final class PsCommand extends ContainerCommand {
  private enum Format {
    table,
    json
  }

  @Option(
      names = {"-f", "--format"},
      paramLabel = "FORMAT",
      description = "table or json (default: ${DEFAULT-VALUE})",
      defaultValue = "table")
  private Format format = Format.table;

  @Parameters(
      index = "1..*",
      paramLabel = "PS-OPTION",
      description = "for ps, which must print a column PID (default: -ef)")
  private List<String> options = new ArrayList<>();

  @Override
  int with(Task task) {
    List<Integer> pids = task.pids();
    if (format == Format.json) {
      printJson(pids);
    } else {
      table(Set.copyOf(pids)).forEach(this::print);
    }
    return 0;
  }

  private List<String> table(Set<Integer> pids) {
    List<String> lines = ps();
    int column = Arrays.asList(words(lines.getFirst())).indexOf("PID");
    if (column < 0) {
      throw new BerthException(FAILED_PRECONDITION, "ps prints no column PID with " + options);
    }
    return lines.stream()
        .filter(line -> line.equals(lines.getFirst()) || belongs(line, column, pids))
        .collect(Collectors.toList());
  }

  private static boolean belongs(String line, int column, Set<Integer> pids) {
    String[] words = words(line);
    return column < words.length
        && words[column].chars().allMatch(Character::isDigit)
        && pids.contains(Integer.parseInt(words[column]));
  }

  private static String[] words(String line) {
    return line.strip().split("\\s+");
  }

  private List<String> ps() {
    List<String> command = new ArrayList<>(List.of("ps"));
    command.addAll(options.isEmpty() ? List.of("-ef") : options);
    try {
      Process ps = new ProcessBuilder(command).redirectErrorStream(true).start();
      List<String> lines = ps.inputReader().readAllLines();
      if (ps.waitFor() != 0 || lines.isEmpty()) {
        throw new BerthException(
            FAILED_PRECONDITION, String.join(" ", command) + ": " + String.join(" ", lines));
      }
      return lines;
    } catch (IOException e) {
      throw new BerthException(FAILED_PRECONDITION, "ps cannot be run: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(INTERNAL, "interrupted while ps ran", e);
    }
  }
}
