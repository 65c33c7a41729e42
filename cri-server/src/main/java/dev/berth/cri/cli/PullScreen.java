package dev.berth.cri.cli;

import dev.berth.proto.berth.v1.Layer;
import dev.berth.proto.berth.v1.Pull;
import java.io.PrintWriter;
import java.util.List;

/**
 * Draws how far a pull is, a line for each layer, over what it drew before.
 *
 * <pre>
 *   4caeb1b34972  [==========>         ]  12 MB of 23 MB
 * </pre>
 */
final class PullScreen implements PullView {
  private static final String ESCAPE = "\u001b[";
  private static final int BAR_WIDTH = 30;

  private final PrintWriter out;
  private int drawn;

  PullScreen(PrintWriter out) {
    this.out = out;
  }

  /** Replaces what was drawn. */
  @Override
  public void draw(Pull pull) {
    clear();
    lines(pull).forEach(out::println);
    drawn = lines(pull).size();
    out.flush();
  }

  /** Takes away what was drawn. */
  @Override
  public void clear() {
    if (drawn > 0) {
      out.print(ESCAPE + drawn + "A" + ESCAPE + "J"); // up, and clear from there on
      out.flush();
      drawn = 0;
    }
  }

  static List<String> lines(Pull pull) {
    return pull.getLayersCount() == 0
        ? List.of(pull.getImage() + ": " + pull.getStage().replace('_', ' '))
        : pull.getLayersList().stream().map(PullScreen::line).toList();
  }

  private static String line(Layer layer) {
    String id = Text.shortId(layer.getDigest()) + "  ";
    if (layer.getDone()) {
      return id + bar(1) + "  done, " + Text.bytes(layer.getTotalBytes());
    }
    double share =
        layer.getTotalBytes() == 0
            ? 0
            : Math.min(1, (double) layer.getReceivedBytes() / layer.getTotalBytes());
    return id
        + bar(share)
        + "  "
        + Text.bytes(layer.getReceivedBytes())
        + " of "
        + Text.bytes(layer.getTotalBytes());
  }

  private static String bar(double share) {
    int full = (int) (share * BAR_WIDTH);
    String head = full < BAR_WIDTH && full > 0 ? ">" : "";
    String body = "=".repeat(Math.max(0, full - head.length()));
    return "[" + body + head + " ".repeat(BAR_WIDTH - body.length() - head.length()) + "]";
  }
}
