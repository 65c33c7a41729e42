package dev.berth.cri.cli;

import com.google.gson.JsonParser;
import dev.berth.proto.cri.v1.ImageSpec;
import dev.berth.proto.cri.v1.ImageStatusRequest;
import dev.berth.proto.cri.v1.ImageStatusResponse;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code berth inspect}. */
@Command(name = "inspect", description = "Prints an image's names and configuration as JSON.")
final class InspectCommand extends CriCommand {
  @Parameters(paramLabel = "IMAGE", description = "name or id")
  private String name = "";

  @Override
  int run(CriClient cri) {
    var spec = ImageSpec.newBuilder().setImage(name);
    ImageStatusResponse status =
        cri.images()
            .imageStatus(ImageStatusRequest.newBuilder().setImage(spec).setVerbose(true).build());
    if (!status.hasImage()) {
      throw new CliException("no such image: " + name);
    }
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("id", status.getImage().getId());
    json.put("names", List.copyOf(status.getImage().getRepoTagsList()));
    json.put("digests", List.copyOf(status.getImage().getRepoDigestsList()));
    json.put("size", status.getImage().getSize());
    json.put("pinned", status.getImage().getPinned());
    String info = status.getInfoOrDefault("info", "{}");
    json.putAll(JsonParser.parseString(info).getAsJsonObject().asMap());
    Json.line(out(), json);
    return OK;
  }
}
