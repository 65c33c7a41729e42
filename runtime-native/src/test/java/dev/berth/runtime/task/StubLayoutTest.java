package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.runtime.NativeLayout;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What Java reads of berth-init and sends to it has the form that the C sources give it. */
class StubLayoutTest {
  private static NativeLayout layout;

  @BeforeAll
  static void compile(@TempDir Path directory) throws Exception {
    layout = NativeLayout.read(directory);
  }

  @ParameterizedTest
  @EnumSource(StubMessage.Kind.class)
  void messagesHaveTheirNumbers(StubMessage.Kind kind) {
    assertThat((long) kind.code()).isEqualTo(layout.get(nameInC(kind)));
  }

  private static String nameInC(StubMessage.Kind kind) {
    return switch (kind) {
      case ASKED -> "FROM_ASK";
      case STATE_IS -> "FROM_STATE";
      case DESCRIPTORS_ARE -> "FROM_DESCRIPTORS";
      case CREATED, FAILED, STARTED, EXITED, OK, ERROR, STDIN_CLOSED, DETACHED, LISTENER ->
          "FROM_" + kind;
      case PLAN,
          ANSWER,
          START,
          REOPEN_LOG,
          RESIZE,
          CLOSE_STDIN,
          STATE,
          DESCRIPTORS,
          ABORT,
          ATTACH,
          RELEASE ->
          "TO_" + kind;
    };
  }

  @Test
  void messageHasItsSize() {
    assertThat((long) StubMessage.HEAD_BYTES).isEqualTo(layout.get("HEAD"));
    assertThat((long) StubMessage.MAX_BYTES).isEqualTo(layout.get("sizeof message"));
  }

  @Test
  void attachedStreamsHaveTheirBits() {
    assertThat((long) new AttachStreams(true, false, false).bits())
        .isEqualTo(layout.get("ATTACH_STDIN"));
    assertThat((long) new AttachStreams(false, true, false).bits())
        .isEqualTo(layout.get("ATTACH_STDOUT"));
    assertThat((long) new AttachStreams(false, false, true).bits())
        .isEqualTo(layout.get("ATTACH_STDERR"));
  }

  @Test
  void exitRecordHasItsFields() {
    assertThat((long) ExitRecord.BYTES).isEqualTo(layout.get("sizeof exit_record"));
    assertThat((long) ExitRecord.MAGIC).isEqualTo(layout.get("EXIT_MAGIC"));
    assertThat(layout.get("exit_record.code")).isEqualTo(8);
    assertThat(layout.get("exit_record.status")).isEqualTo(12);
    assertThat(layout.get("exit_record.pid")).isEqualTo(16);
    assertThat(layout.get("exit_record.adopted")).isEqualTo(20);
    assertThat(layout.get("exit_record.seconds")).isEqualTo(24);
    assertThat(layout.get("exit_record.nanoseconds")).isEqualTo(32);
  }

  @Test
  void journalHasItsFields() {
    assertThat((long) LogFiles.JOURNAL_MAGIC).isEqualTo(layout.get("JOURNAL_MAGIC"));
    assertThat((long) LogFiles.INODE_OFFSET).isEqualTo(layout.get("journal.log_inode"));
    assertThat((long) AttachedInput.STATE_OFFSET).isEqualTo(layout.get("journal.stdin_state"));
    assertThat((long) AttachedInput.NONE).isEqualTo(layout.get("STDIN_NONE"));
    assertThat((long) AttachedInput.OPEN).isEqualTo(layout.get("STDIN_OPEN"));
    assertThat((long) AttachedInput.ONCE).isEqualTo(layout.get("STDIN_ONCE"));
    assertThat((long) AttachedInput.CLOSED).isEqualTo(layout.get("STDIN_CLOSED"));
    assertThat(layout.get("sizeof journal")).isLessThan(TaskDirectory.JOURNAL_BYTES);
  }
}
