package dev.berth.base;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Cuts the journal of a {@link MetadataStore} wherever a power cut could have. */
public final class JournalCuts {
  private JournalCuts() {}

  /**
   * What is left of a journal.
   *
   * @param commits how many are whole
   * @param torn whether a part of the next one is there
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  public record Cut(int commits, boolean torn, byte[] journal) {
    @Override
    public String toString() {
      return "cut behind commit " + commits + (torn ? ", the next one torn" : "");
    }
  }

  /** Returns every prefix of whole commits, each also with half of the commit that follows. */
  public static List<Cut> of(byte[] journal) {
    List<Integer> ends = ends(journal);
    List<Cut> cuts = new ArrayList<>();
    for (int i = 0; i < ends.size(); i++) {
      int end = ends.get(i);
      cuts.add(new Cut(i, false, Arrays.copyOf(journal, end)));
      if (i + 1 < ends.size()) {
        cuts.add(new Cut(i, true, Arrays.copyOf(journal, (end + ends.get(i + 1)) / 2)));
      }
    }
    return cuts;
  }

  private static List<Integer> ends(byte[] journal) {
    int last = Frames.scan(Frames.Header.decode(journal), journal, _ -> {}).end();
    List<Integer> ends = new ArrayList<>();
    for (int at = Frames.HEADER_BYTES; at <= last; ) {
      ends.add(at);
      at +=
          Frames.FRAME_OVERHEAD_BYTES + (at == last ? 0 : ByteBuffer.wrap(journal).getInt(at + 4));
    }
    return ends;
  }
}
