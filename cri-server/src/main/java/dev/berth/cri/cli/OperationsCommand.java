package dev.berth.cri.cli;

import dev.berth.proto.berth.v1.ListOperationsRequest;
import dev.berth.proto.berth.v1.RunningOperation;
import dev.berth.proto.berth.v1.Subject;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code berth ops}. */
@Command(name = "ops", description = "Lists what is being done now: verb, stage, age, time left.")
final class OperationsCommand extends CriCommand {
  @Option(names = "--json", description = "print lines of JSON")
  private boolean json;

  @Override
  int run(CriClient cri) {
    List<RunningOperation> running =
        cri.node().listOperations(ListOperationsRequest.getDefaultInstance()).getOperationsList();
    if (json) {
      running.forEach(one -> Json.line(out(), json(one)));
    } else {
      printTable(running);
    }
    return OK;
  }

  private void printTable(List<RunningOperation> running) {
    Table table = new Table("REQUEST", "VERB", "STAGE", "AGE", "IN STAGE", "LEFT", "ID", "NAME");
    for (RunningOperation one : running) {
      Subject subject =
          one.getSubjectsCount() > 0 ? one.getSubjects(0) : Subject.getDefaultInstance();
      table.row(
          one.getRequestId(),
          one.getVerb(),
          one.getStage(),
          seconds(one.getAgeMs()),
          seconds(one.getStageAgeMs()),
          one.hasLeftMs() ? seconds(one.getLeftMs()) : "",
          Text.shortId(subject.getId()),
          subject.getName());
    }
    table.print(out());
  }

  private static String seconds(long millis) {
    return String.format(Locale.ROOT, "%.1fs", millis / 1e3);
  }

  private static Map<String, Object> json(RunningOperation one) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("request", one.getRequestId());
    json.put("verb", one.getVerb());
    json.put("stage", one.getStage());
    json.put("ageMs", one.getAgeMs());
    json.put("stageAgeMs", one.getStageAgeMs());
    if (one.hasLeftMs()) {
      json.put("leftMs", one.getLeftMs());
    }
    json.put("subjects", one.getSubjectsList().stream().map(OperationsCommand::json).toList());
    json.put("traceparent", one.getTraceparent());
    return json;
  }

  private static Map<String, String> json(Subject subject) {
    return Map.of("id", subject.getId(), "name", subject.getName());
  }
}
