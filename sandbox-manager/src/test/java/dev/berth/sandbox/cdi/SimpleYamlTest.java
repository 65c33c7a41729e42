package dev.berth.sandbox.cdi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class SimpleYamlTest {
  @Test
  void aSpecAsToolsWriteItIsTheJsonItStandsFor() {
    String yaml =
        """
        ---
        # made by a tool
        cdiVersion: 0.5.0
        kind: vendor.com/gpu
        containerEdits:
          env:
          - VISIBLE=void   # a comment
          - "QUOTED=a: b # c"
          mounts:
            - containerPath: /usr/lib/a.so
              hostPath: '/opt/it''s/a.so'
              options: [ro, nosuid, "bind"]
            -
              containerPath: /x
              hostPath: /y
        devices:
        - name: "0"
          containerEdits:
            deviceNodes:
            - path: /dev/gpu0
              major: 195
              fileMode: 0666
              uid: 0
            hooks:
            - args: [hook, --link, "../a::/b"]
              hookName: createContainer
              path: /usr/bin/hook
              env: []
        - containerEdits: {}
          name: all
        """;
    String json =
        """
        {"cdiVersion": "0.5.0", "kind": "vendor.com/gpu",
         "containerEdits": {"env": ["VISIBLE=void", "QUOTED=a: b # c"], "mounts": [
           {"containerPath": "/usr/lib/a.so", "hostPath": "/opt/it's/a.so",
            "options": ["ro", "nosuid", "bind"]},
           {"containerPath": "/x", "hostPath": "/y"}]},
         "devices": [
           {"name": "0", "containerEdits": {
             "deviceNodes": [{"path": "/dev/gpu0", "major": 195, "fileMode": 438, "uid": 0}],
             "hooks": [{"args": ["hook", "--link", "../a::/b"], "hookName": "createContainer",
               "path": "/usr/bin/hook", "env": []}]}},
           {"containerEdits": {}, "name": "all"}]}
        """;
    assertThat(SimpleYaml.parse(yaml).toString())
        .isEqualTo(JsonParser.parseString(json).toString());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "a: 1; {\"a\":1}",
        "a: '1'; {\"a\":\"1\"}",
        "a: true; {\"a\":true}",
        "a: ~; {\"a\":null}",
        "a:; {\"a\":null}",
        "a: 0x1; {\"a\":\"0x1\"}",
        "a: -5; {\"a\":-5}",
        "a: b:c; {\"a\":\"b:c\"}",
        "- - 1; [[1]]",
        "'a b'; \"a b\""
      })
  void scalarsAreWhatTheyLookLike(String yaml, String json) {
    assertThat(SimpleYaml.parse(yaml).toString())
        .isEqualTo(JsonParser.parseString(json).toString());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a: &anchor 1",
        "a: *alias",
        "a: !!str 1",
        "a: |\n  text",
        "a: 1\n b: 2",
        "a:\n  - 1\n b: 2",
        "\ta: 1",
        "a: 1\na: 2",
        "a: 1\njust words",
        "a: b: c",
        "a: [1, 2",
        "a: 'open",
        "a: 1\n---\nb: 2",
      })
  void whatIsNotUnderstoodIsRefusedWithItsLine(String yaml) {
    assertThatThrownBy(() -> SimpleYaml.parse(yaml))
        .isInstanceOf(JsonParseException.class)
        .hasMessageContaining("line ");
  }

  @Test
  void depthIsBounded() {
    assertThatThrownBy(() -> SimpleYaml.parse("- ".repeat(100_000) + "x"))
        .isInstanceOf(JsonParseException.class);
  }
}
