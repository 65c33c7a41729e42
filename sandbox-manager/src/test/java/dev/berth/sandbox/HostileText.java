package dev.berth.sandbox;

import java.util.List;
import java.util.Random;

/** Texts made to be taken for something else, from a seed: plain words, separators, line ends. */
public final class HostileText {
  private static final List<String> PIECES =
      List.of(
          "a",
          "web",
          "Z9",
          "10.0.0.1",
          "fd00::1",
          "example.com",
          "-",
          "_",
          ".",
          "..",
          "/",
          "\\",
          ":",
          ";",
          ",",
          "=",
          "+",
          "@",
          "#",
          "%",
          "%0a",
          "&",
          "?",
          "*",
          "$",
          "\"",
          "'",
          "`",
          "<",
          "{",
          "}",
          " ",
          "\t",
          "\n",
          "\r",
          "\r\n",
          "\0",
          "\u000b",
          "\f",
          "\u001b[2J",
          "\u007f",
          "\u0085",
          "\u00a0",
          "\u2028",
          "\u2029",
          "\ufeff",
          "\u00e9",
          "\ud83d\udea2",
          "search evil",
          "\nnameserver 6.6.6.6",
          "root::0:0::/:/bin/sh",
          "K8S_POD_NAMESPACE=x");
  private static final int PLAIN = 3; // the first of them, by far the most frequent

  private final Random random;

  /** Creates a source of texts, the same for the same seed. */
  public HostileText(long seed) {
    this.random = new Random(seed);
  }

  /** Returns a text of up to six pieces, more than half of which are plain ones. */
  public String next() {
    StringBuilder text = new StringBuilder();
    for (int left = random.nextInt(7); left > 0; left--) {
      text.append(PIECES.get(random.nextInt(random.nextInt(3) > 0 ? PLAIN : PIECES.size())));
    }
    return text.toString();
  }

  /** Returns up to three texts. */
  public List<String> several() {
    return random.ints(random.nextInt(4)).mapToObj(_ -> next()).toList();
  }
}
