package dev.berth.runtime.spec;

import java.util.BitSet;
import java.util.regex.Pattern;

/**
 * Numbers of CPUs or of memory nodes as the kernel writes them: {@code 0-2,5}.
 *
 * @param text the list, one range at least
 */
public record NumberList(String text) {
  private static final Pattern FORM =
      Pattern.compile("[0-9]{1,5}(-[0-9]{1,5})?(,[0-9]{1,5}(-[0-9]{1,5})?)*");

  /** Says whether a text is such a list, and no number is above a limit. */
  static boolean isOne(String text, int greatest) {
    return FORM.matcher(text).matches() && new NumberList(text).numbers().length() <= greatest + 1;
  }

  /** Returns the numbers; a range that ends before it begins has none. */
  public BitSet numbers() {
    BitSet numbers = new BitSet();
    for (String range : text.split(",", -1)) {
      String[] ends = range.split("-", -1);
      int first = Integer.parseInt(ends[0]);
      numbers.set(first, Math.max(first, Integer.parseInt(ends[ends.length - 1]) + 1));
    }
    return numbers;
  }
}
