package dev.berth.cri.cli;

import dev.berth.proto.berth.v1.Part;
import dev.berth.proto.berth.v1.VerifyImagesRequest;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code berth image verify}. */
@Command(
    name = "verify",
    description = {
      "Compares images with what was written down when they came; reads all of them.",
      "A damaged layer is fetched again by the next pull. Exit code 1 if there is one."
    })
final class VerifyCommand implements Callable<Integer> {
  @Parameters(arity = "0..1", paramLabel = "IMAGE", description = "name or id (default: all)")
  private String image = "";

  @ParentCommand private ImageCommand parent = new ImageCommand();
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    List<Part> parts = new ArrayList<>();
    try (CriClient cri = parent.berth().connect()) {
      cri.store()
          .verifyImages(VerifyImagesRequest.newBuilder().setImage(image).build())
          .forEachRemaining(reply -> parts.addAll(reply.getPartsList()));
    }
    if (Terminal.onStdout()) {
      printTable(parts, out);
    } else {
      parts.forEach(part -> Json.line(out, json(part)));
    }
    out.flush();
    boolean damaged = parts.stream().anyMatch(part -> part.getHealth().equals("damaged"));
    return damaged ? CommandLine.ExitCode.SOFTWARE : CommandLine.ExitCode.OK;
  }

  private static void printTable(List<Part> parts, PrintWriter out) {
    Table table = new Table("PART", "SIZE", "HEALTH", "WHAT IS WRONG");
    for (Part part : parts) {
      table.row(
          part.getName(), Text.bytes(part.getUsedBytes()), part.getHealth(), part.getDetail());
    }
    table.print(out);
  }

  private static Map<String, Object> json(Part part) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("part", part.getName());
    json.put("health", part.getHealth());
    json.put("detail", part.getDetail());
    json.put("bytes", part.getUsedBytes());
    json.put("images", List.copyOf(part.getImagesList()));
    return json;
  }
}
