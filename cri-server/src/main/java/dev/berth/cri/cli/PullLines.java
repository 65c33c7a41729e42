package dev.berth.cri.cli;

import dev.berth.proto.berth.v1.Layer;
import dev.berth.proto.berth.v1.Pull;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Tells how far something is in lines of JSON, one whenever that has changed. */
final class PullLines implements PullView {
  private final PrintWriter out;
  private Pull last = Pull.getDefaultInstance();

  PullLines(PrintWriter out) {
    this.out = out;
  }

  @Override
  public void draw(Pull pull) {
    if (!pull.equals(last) && !pull.getStage().equals(PullDisplay.UNKNOWN_STAGE)) {
      last = pull;
      Json.line(out, json(pull));
    }
  }

  private static Map<String, Object> json(Pull pull) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("image", pull.getImage());
    json.put("stage", pull.getStage());
    List<Map<String, Object>> layers = pull.getLayersList().stream().map(PullLines::json).toList();
    json.put("layers", layers);
    return json;
  }

  private static Map<String, Object> json(Layer layer) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("digest", layer.getDigest());
    json.put("received", layer.getReceivedBytes());
    json.put("total", layer.getTotalBytes());
    json.put("done", layer.getDone());
    return json;
  }

  @Override
  public void clear() {
    // what was printed stays
  }
}
