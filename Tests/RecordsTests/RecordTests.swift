import Base
import Pipelines
import Records
import Testing

struct RecordTests {
    @Test func `A record is one line, time first, and reads back`() throws {
        let record = sampleRecord()
        #expect(record.line.hasPrefix(#"{"time": "2026-11-23T15:04:05Z", "v": 1, "stage": "evaluate", "key": ""#))
        #expect(!record.line.contains("\n"))
        #expect(try RunRecord(line: record.line) == record)
    }

    @Test func `What a later version adds is kept`() throws {
        let line = sampleRecord().line.dropLast() + #", "gpu": {"name": "x"}, "v": 2}"#
        let record = try RunRecord(line: String(line))
        #expect(record.version == 2)
        #expect(record.unknown == ["gpu": ["name": "x"]])
        #expect(record.line.hasSuffix(#""gpu": {"name": "x"}}"#))
        #expect(try RunRecord(line: record.line) == record)
    }

    @Test(
        "What is not a record is refused",
        arguments: ["", "{}", "[]", "x", #"{"time": "yesterday"}"#, #"{"time": "2026-11-23T15:04:05Z"}"#])
    func notARecord(_ line: String) {
        do {
            _ = try RunRecord(line: line)
            Issue.record("accepted")
        } catch { #expect((error as? MLError)?.code == .corrupt) }
    }

    @Test func `Times read back over all years`() {
        var random = SeededRandom(seed: 1, purpose: "times")
        for _ in 0..<2000 {
            let time = Timestamp(seconds: Int64(random.below(4_000_000_000)))
            #expect(Timestamp(rfc3339: time.description) == time)
        }
        #expect(Timestamp(rfc3339: "2024-02-29T12:00:00Z")?.seconds == 1_709_208_000)
        #expect(Timestamp(rfc3339: "2024-2-29T12:00:00Z") == nil)
        #expect(Timestamp(rfc3339: "2024-13-01T12:00:00Z") == nil)
    }

    @Test func `A blob of records survives joins and strange lines`() throws {
        let (a, b) = (sampleRecord("a", seconds: 5), sampleRecord("b", seconds: 3))
        let joined = LineUnion.merge([
            RecordLines.bytes([a]), RecordLines.bytes([b, a]), Array("junk\n\n# comment\n".utf8),
        ])
        let content = RecordLines.parse(joined)
        #expect(content.records == [b, a])
        #expect(content.invalid == ["junk"])
    }
}

struct NoteTests {
    @Test func `A note shows the metrics and holds the full key`() throws {
        let record = sampleRecord()
        let text = Note.text([record])
        #expect(
            text == "evaluate  imdb.test.accuracy=0.9042 imdb.test.log_loss=0.231  (1.2 s, run "
                + "\(ObjectID.of("key of evaluate").hex), 2026-11-23T15:04:05Z)\n")
        #expect(Note.parse(text) == [NoteLine(record)])
    }

    @Test func `Odd names and values read back`() throws {
        var record = sampleRecord("sub dir/dvc.yaml:a@b c")
        record.metrics = [
            "m.json": ["a b=c%(d)": 1, "text": "two words \"q\"\n", "num": "0.5", "é": -1.5e-7, "x": 3],
            "n.json": ["x": 4],
            "bare": ["": 9],
        ]
        let line = NoteLine(record)
        #expect(line.metrics.keys == ["a b=c%(d)", "text", "num", "é", "m.json:x", "n.json:x", "bare"])
        #expect(!line.text.contains("\n") && line.text.hasPrefix("sub%20dir/dvc.yaml:a@b%20c  a%20b%3dc%25%28d%29=1 "))
        #expect(NoteLine(parsing: line.text) == line)
        record.metrics = [:]
        #expect(NoteLine(parsing: NoteLine(record).text) == NoteLine(record))
    }

    @Test func `The newest line of a stage counts, and foreign lines are left out`() throws {
        let (old, new, other) = (
            sampleRecord("a", seconds: 1), sampleRecord("a", seconds: 2), sampleRecord("b", seconds: 1)
        )
        let text = Note.text([new, old, other]) + "hello from somebody (else)\n"
        #expect(Note.parse(text).map(\.time.seconds) == [2, 1])
        #expect(Note.parse(text).map(\.stage) == ["a", "b"])
    }

    @Test(
        "Seconds are rounded as people expect",
        arguments: [(0.04, "0.0"), (0.05, "0.1"), (9.96, "10.0"), (99.96, "100"), (4000.4, "4000")])
    func seconds(_ value: Double, _ shown: String) {
        var record = sampleRecord()
        record.duration = value
        #expect(NoteLine(record).text.contains("(\(shown) s, "))
    }
}

struct LineUnionTests {
    private func randomText(_ random: inout SeededRandom) -> String {
        let lines = (0..<random.below(8)).map { _ in
            switch random.below(5) {
            case 0: ""
            case 1: LineUnion.tombstone(for: "line \(random.below(6))")
            default: "line \(random.below(6))" + (random.below(4) == 0 ? "  " : "")
            }
        }
        return lines.joined(separator: "\n")
    }

    @Test func `Joining is commutative, associative and idempotent`() {
        var random = SeededRandom(seed: 3, purpose: "union")
        for _ in 0..<500 {
            let (a, b, c) = (randomText(&random), randomText(&random), randomText(&random))
            let all = LineUnion.merge([a, b, c])
            #expect(LineUnion.merge([a, b]) == LineUnion.merge([b, a]))
            #expect(LineUnion.merge([LineUnion.merge([a, b]), c]) == all)
            #expect(LineUnion.merge([a, LineUnion.merge([b, c])]) == all)
            #expect(LineUnion.merge([all, all]) == all)
            #expect(LineUnion.merge([all, a]) == all)
        }
    }

    @Test func `Lines are sorted by bytes, once each, without blank ones`() {
        #expect(LineUnion.merge(["b\n\na\r\n", "é\nZ\nb"]) == "Z\na\nb\né\n")
        #expect(LineUnion.merge([String]()) == "")
    }

    @Test func `A tombstone takes a line back for good`() {
        let stone = LineUnion.tombstone(for: "x")
        let joined = LineUnion.merge(["x\ny\n", stone])
        #expect(joined == "\(stone)\ny\n")
        #expect(LineUnion.merge([joined, "x\n"]) == joined)
        #expect(LineUnion.lines(of: Array(joined.utf8)) == ["y"])
    }
}
