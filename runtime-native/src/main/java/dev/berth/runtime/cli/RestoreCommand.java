package dev.berth.runtime.cli;

import dev.berth.base.BerthException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Says that it does not restore: a caller is to hear of it in one line, not of wrong usage. */
@Command(name = "restore", description = "Not implemented: answers so.")
final class RestoreCommand implements Callable<Integer> {
  @Parameters(hidden = true)
  private List<String> ignored = new ArrayList<>();

  @Override
  public Integer call() {
    throw new BerthException(
        BerthException.Kind.UNIMPLEMENTED, "restore: containers are not restored from checkpoints");
  }
}
