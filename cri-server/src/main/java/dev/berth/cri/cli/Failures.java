package dev.berth.cri.cli;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.ParseResult;

/** Turns whatever a command threw into one line on stderr. */
final class Failures implements IExecutionExceptionHandler {
  @Override
  public int handleExecutionException(Exception e, CommandLine command, ParseResult parsed) {
    command.getErr().println(command.getCommandSpec().qualifiedName() + ": " + message(e));
    return CommandLine.ExitCode.SOFTWARE;
  }

  private static String message(Exception e) {
    return switch (e) {
      case StatusRuntimeException refused -> message(refused);
      case CliException said -> String.valueOf(said.getMessage());
      case IOException failed -> failed.toString();
      default -> "unexpected: " + e;
    };
  }

  private static String message(StatusRuntimeException e) {
    Status status = e.getStatus();
    if (status.getCode() == Status.Code.UNAVAILABLE && status.getCause() instanceof IOException) {
      return "cannot reach the runtime, is berthd running? " + deepest(status.getCause());
    }
    String description = status.getDescription();
    return description == null ? status.getCode().toString() : description;
  }

  private static String deepest(Throwable failure) {
    Throwable cause = failure;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause.getMessage() == null ? cause.toString() : cause.getMessage();
  }
}
