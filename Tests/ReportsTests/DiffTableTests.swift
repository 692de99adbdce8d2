import Base
import Reports
import Testing

@Suite struct DiffTableTests {
    private func metrics() throws -> JSON {
        try JSON(
            parsing: """
                {"metrics.json": {"acc": {"old": 0.712345678, "new": 0.75, "diff": 0.037654322},
                "n": {"old": 10, "new": 12, "diff": 2}, "note": {"old": null, "new": "x"},
                "loss": {"old": 1e-9}, "list": {"old": [1, 0.123456789], "new": true}}}
                """)
    }

    @Test func `metrics have a change column and missing values are dashes`() throws {
        let expected = """
            Path          Metric  HEAD          workspace  Change
            metrics.json  acc     0.71235       0.75       0.03765
            metrics.json  n       10            12         2
            metrics.json  note    -             x          -
            metrics.json  loss    0.0           -          -
            metrics.json  list    [1, 0.12346]  true       -

            """
        #expect(try DiffTable(.metrics, diff: metrics()).terminal() == expected)
    }

    @Test func `params name the revisions and can leave the path out`() throws {
        let diff: JSON = ["params.yaml": ["lr": ["old": 0.125, "new": 0.0625]]]
        let table = DiffTable(.params, diff: diff, old: "v1", new: "v2", showsPath: false, precision: 2)
        #expect(try table.terminal() == "Param  v1    v2\nlr     0.12  0.06\n")
        #expect(try table.markdown() == "| Param | v1   | v2   |\n| ----- | ---- | ---- |\n| lr    | 0.12 | 0.06 |\n")
        #expect(try table.table().json().compact() == #"[{"Param": "lr", "v1": 0.125, "v2": 0.0625}]"#)
    }

    @Test func `no changes print nothing, and a foreign document is refused`() throws {
        #expect(try DiffTable(.metrics, diff: [:]).terminal() == "")
        #expect(try DiffTable(.metrics, diff: ["m.json": [:]]).terminal() == "")
        #expect(throws: MLError.self) { try DiffTable(.metrics, diff: ["m.json": 3]).terminal() }
        #expect(throws: MLError.self) { try DiffTable(.metrics, diff: [1]).table() }
    }
}
