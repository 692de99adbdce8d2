import Base
import Records
import Testing

struct DiffTests {
    @Test func `Values differ in DVC's shape`() {
        let old: JSONObject = ["m.json": ["acc": 0.5, "n": 3, "gone": 1, "same": 2, "text": "a", "list": [1, 2]]]
        let new: JSONObject = [
            "m.json": ["acc": 0.75, "n": 5, "new": 1, "same": 2.0, "text": "b", "list": [1, 3]], "z": ["k": 1],
        ]
        let diff = ValueDiff(old: old, new: new)
        #expect(
            diff.json.compact()
                == #"{"m.json": {"acc": {"old": 0.5, "new": 0.75, "diff": 0.25}, "gone": {"old": 1, "new": null}, "#
                + #""list": {"old": "[1, 2]", "new": "[1, 3]"}, "n": {"old": 3, "new": 5, "diff": 2}, "#
                + #""new": {"old": null, "new": 1}, "text": {"old": "a", "new": "b"}}, "z": {"k": {"old": null, "new": 1}}}"#
        )
        #expect(ValueDiff(old: old, new: old).json == [:])
        #expect(ValueDiff(old: old, new: old, includesEqual: true).rows.count == 6)
    }

    @Test func `Whole numbers at the edge do not overflow`() {
        let diff = ValueDiff(old: ["f": ["k": .integer(.min)]], new: ["f": ["k": .integer(.max)]])
        #expect(diff.rows[0].change == .number(0x1p64))
    }

    @Test func `Files are added, removed, modified and renamed`() {
        func content(_ text: String) -> DataDiff.Content { .init(id: ObjectID.of(text), size: Int64(text.utf8.count)) }
        let diff = DataDiff(
            old: ["a": content("1"), "b": content("2"), "c": content("3"), "d": content("4"), "e": content("4")],
            new: ["a": content("1"), "b": content("x"), "n": content("5"), "moved": content("4")])
        #expect(
            diff.rows.map { "\($0.path) \($0.change.rawValue) \($0.oldPath ?? "-")" } == [
                "b modified -", "c removed -", "e removed -", "moved renamed d", "n added -",
            ])
        #expect(
            diff.json.arrayValue?[3].compact()
                == #"{"path": "moved", "change": "renamed", "old_path": "d", "old": {"oid": ""#
                + ObjectID.of("4").hex + #"", "size": 1}, "new": {"oid": ""# + ObjectID.of("4").hex + #"", "size": 1}}"#
        )
    }
}

struct HistoryTests {
    private func entry(_ commit: String, _ metrics: JSONObject, _ params: JSONObject = [:]) -> HistoryEntry {
        HistoryEntry(
            commit: commit, tree: "t", subject: "s", date: Timestamp(seconds: 0), metrics: metrics, params: params)
    }

    @Test func `Columns are all metrics and the params that differ`() {
        let table = HistoryTable([
            entry("a", ["acc": 0.5], ["lr": 1, "n": 2]), entry("b", ["acc": 0.5, "f1": 0.7], ["lr": 2, "n": 2]),
        ])
        #expect(table.metricColumns == ["acc", "f1"])
        #expect(table.paramColumns == ["lr"])
        #expect(HistoryTable(table.entries, onlyChanged: true).metricColumns == ["f1"])
    }

    @Test func `The best of equal ones is the first, and NaN never wins`() {
        let table = HistoryTable([
            entry("nan", ["acc": .number(.nan)]), entry("text", ["acc": "x"]), entry("b", ["acc": 2]),
            entry("c", ["acc": 2.0]),
            entry("d", ["acc": 1]), entry("none", [:]),
        ])
        #expect(table.best("acc", wantsMaximum: true)?.commit == "b")
        #expect(table.best("acc", wantsMaximum: false)?.commit == "d")
        #expect(table.best("nope", wantsMaximum: true) == nil)
        #expect(table.sorted(by: "acc").suffix(2).map(\.commit) == ["text", "none"])
    }

    @Test func `Thresholds`() {
        let check = MetricCheck(minimum: 0.5, maximumDecrease: 0.01)
        #expect(check.violations("acc", value: 0.89, base: 0.9).isEmpty)
        #expect(check.violations("acc", value: 0.88, base: 0.9) == ["'acc' fell from 0.9 to 0.88, by more than 0.01"])
        #expect(check.violations("acc", value: 0.4, base: 0.4) == ["'acc' is 0.4, less than 0.5"])
        #expect(check.violations("acc", value: nil, base: 0.4) == ["'acc' is missing"])
        #expect(check.violations("acc", value: .nan, base: 0.4) == ["'acc' is missing"])
        #expect(check.violations("acc", value: 0.6, base: nil) == ["'acc' is missing in the base revision"])
        #expect(MetricCheck(maximum: 1, maximumIncrease: 0.1).violations("loss", value: 1.5, base: 1).count == 2)
    }
}
