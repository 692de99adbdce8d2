import Base
import Pipelines
import Records
import Testing

@Suite struct SearchTests {
    @Test func `ranges are read as they are typed`() throws {
        #expect(try ParamRange("lr=0.1,0.01").values == .choices([0.1, 0.01]))
        #expect(try ParamRange("a.b=[1, 2],x").values == .choices([[1, 2], "x"]))
        #expect(try ParamRange("n=range(1,6,2)").values == .choices([1, 3, 5]))
        #expect(try ParamRange("f=true,null").values == .choices([true, .null]))
        #expect(
            try ParamRange("lr=log(1e-4..1e-1)").values
                == .interval(low: 1e-4, high: 0.1, isLogarithmic: true, isWhole: false))
        #expect(try ParamRange("w=16..64").values == .interval(low: 16, high: 64, isLogarithmic: false, isWhole: true))
        let other = try ParamRange("+conf.json:model=cnn")
        #expect(other.file == "conf.json" && other.key == "model" && other.mayAdd && other.name == "conf.json:model")
        for bad in ["lr", "=1", "lr=log(0..1)", "n=range(1)"] { #expect(throws: MLError.self) { try ParamRange(bad) } }
    }

    @Test func `a grid is every combination`() throws {
        let points = try GridSearch.points([ParamRange("a=1,2"), ParamRange("b=x,y,z")])
        #expect(points.count == 6 && Set(points).count == 6)
        #expect(points[1] == [1, "y"])
    }

    @Test func `draws stay in their intervals and cover them`() throws {
        let ranges = try [ParamRange("a=log(1e-4..1e-1)"), ParamRange("n=3..5"), ParamRange("c=x,y")]
        let search = TPESearch(ranges, seed: 7)
        let points = (0..<300).map { search.random($0) }
        #expect(points.allSatisfy { (1e-4...1e-1).contains($0[0].doubleValue ?? -1) })
        #expect(Set(points.map { $0[1] }) == [3, 4, 5])
        #expect(Set(points.map { $0[2] }) == ["x", "y"])
        // Half of a logarithmic interval lies below its geometric middle.
        let low = points.filter { ($0[0].doubleValue ?? 1) < 0.00316 }.count
        #expect((110...190).contains(low))
        #expect(search.random(5) == search.random(5))
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `the estimator comes nearer to the optimum than chance`(seed: UInt64) throws {
        let ranges = try [ParamRange("x=-5.0..10.0"), ParamRange("y=0.0..15.0")]
        // Branin has its minima, 0.397887, at three places.
        func branin(_ point: ParamPoint) -> Double {
            let (x, y) = (point[0].doubleValue ?? 0, point[1].doubleValue ?? 0)
            let a = y - 0.129185 * x * x + 1.591549 * x - 6
            return a * a + 9.602113 * cosine(x) + 10
        }
        let search = TPESearch(ranges, seed: seed)
        var trials: [TPESearch.Trial] = []
        for number in 0..<80 {
            let point = search.propose(number, trials)
            trials.append(.init(point: point, loss: branin(point)))
        }
        let guided = trials.suffix(40).map(\.loss).sorted()[20]
        let blind = (0..<80).map { branin(search.random($0)) }.sorted()[40]
        #expect(guided < blind / 2)
        #expect((trials.map(\.loss).min() ?? 99) < 1.5)
    }

    /// Taylor's series after reduction: the tests have no C library.
    private func cosine(_ x: Double) -> Double {
        let reduced = x - (x / (2 * Double.pi)).rounded() * 2 * Double.pi
        var (term, sum) = (1.0, 1.0)
        for k in 1..<20 {
            term *= -reduced * reduced / Double((2 * k - 1) * 2 * k)
            sum += term
        }
        return sum
    }

    @Test func `the median rule stops what is worse and nothing else`() {
        let finished: [[(step: Int64, loss: Double)]] = [
            [(1, 3), (2, 1)], [(1, 5), (2, 3)], [(1, 9), (2, 9)],
        ]
        let rule = MedianStop(finished)
        // Averages up to step 2: 2, 4, 9; the median is 4.
        #expect(rule.stops([(1, 8), (2, 4.1)]))
        #expect(!rule.stops([(1, 8), (2, 4)]))
        // Up to step 1: 3, 5, 9.
        #expect(!rule.stops([(1, 5)]))
        #expect(rule.stops([(1, 5.1)]))
        #expect(!MedianStop(Array(finished.prefix(2))).stops([(1, 100)]))
    }

    @Test func `intervals are those of Student's t`() throws {
        // scipy.stats.t.interval(0.95, n - 1, mean, sem)
        let five = try #require(SeedStatistics([0.91, 0.92, 0.9, 0.93, 0.89]))
        #expect(abs(five.mean - 0.91) < 1e-12)
        #expect(abs((five.margin ?? 0) - 0.019632_43) < 1e-7)
        #expect(SeedStatistics([1])?.margin == nil)
        #expect(SeedStatistics([]) == nil)
        let many = try #require(SeedStatistics((0..<41).map { Double($0 % 2) }))
        #expect(abs((many.margin ?? 0) - 0.159714) < 1e-4)
    }
}

@Suite struct FilterTests {
    private let values: [String: JSON] = ["acc": 0.9, "lr": 0.1, "model": "cnn", "n": 3, "flag": true]

    @Test(arguments: [
        ("acc>0.8 && lr<0.2", true), ("acc>=0.9", true), ("acc > 0.9", false), ("n==3", true), ("n=3.0", true),
        ("model==cnn", true), ("model!=cnn", false), ("model~nn", true), ("!(model==cnn) || n<4", true),
        ("acc<0.5 || acc>0.8 && n==4", false), ("(acc<0.5 || acc>0.8) && n==3", true), ("missing<1", false),
        ("missing!=1", false), ("!missing<1", true), ("model>1", false), ("flag==true", true), ("'model'=='cnn'", true),
        ("lr<1e-1", false), ("n>-1", true),
    ])
    func `conditions hold or not`(text: String, expected: Bool) throws {
        #expect(try FilterExpression(text).matches { values[$0] } == expected, "\(text)")
    }

    @Test(arguments: ["", "acc", "acc>", "acc>1 &&", "(acc>1", "acc>1)", "acc>1 acc<2", "'acc>1"])
    func `what is no condition is refused`(text: String) {
        #expect(throws: MLError.self) { try FilterExpression(text) }
    }

    @Test func `deep nesting ends in an error, not in a crash`() {
        #expect(throws: MLError.self) { try FilterExpression(String(repeating: "(", count: 100_000)) }
    }
}

@Suite struct RecordedValueTests {
    @Test func `joining does not depend on how values are split`() {
        var random = SeededRandom(seed: 3, purpose: "values")
        for _ in 0..<50 {
            var all = RecordedValues()
            var parts = [RecordedValues(), RecordedValues(), RecordedValues()]
            var part = 0
            for _ in 0..<30 {
                part = min(2, part + (random.below(10) == 0 ? 1 : 0))
                let name = ["a", "b"][random.below(2)]
                let value = JSON.integer(Int64(random.below(100)))
                let step = Int64(random.below(8))
                all.add(name, value, step: step)
                parts[part].add(name, value, step: step)
            }
            var joined = RecordedValues()
            for part in parts { joined.add(RecordedValues(line: part.line) ?? RecordedValues()) }
            #expect(joined == all)
        }
    }

    @Test func `an event file of another writer is read`() throws {
        // tensorboardX 2.6: loss = 1 / (step + 1), acc = 0.1 step.
        let text = """
            1800000000000000a37f4b2209cea56f613ec1da411a0d627261696e2e4576656e743a3295d49c351800000000000000a37f\
            4b2209cae76f613ec1da412a0d0a0b0a046c6f7373150000803fd2cefef11700000000000000e7cef81e09940670613ec1da\
            412a0c0a0a0a036163631500000000a29477521a00000000000000129bd82d09060770613ec1da4110012a0d0a0b0a046c6f\
            7373150000003fac76e1e619000000000000008bf1082809500770613ec1da4110012a0c0a0a0a0361636315cdcccc3d0090\
            8b291a00000000000000129bd82d098c0770613ec1da4110022a0d0a0b0a046c6f737315abaaaa3e8db248e4190000000000\
            00008bf1082809c70770613ec1da4110022a0c0a0a0a0361636315cdcc4c3ef2f22b71
            """
        let bytes = try #require(Hex.decode(text.utf8))
        let path = "/tmp/git-ml-events-\(UInt64.random(in: 0...UInt64.max)).tfevents"
        defer { try? Files.remove(path) }
        try Files.writeAtomically(bytes, to: path)
        let values = try ForeignRuns.read(path)
        #expect(values.steps["loss"] == [[0, 1.0], [1, 0.5], [2, 0.33333334]])
        #expect(values.metrics["acc"] == 0.2)
        var damaged = bytes
        damaged[60] ^= 1
        try Files.writeAtomically(damaged, to: path)
        #expect(throws: MLError.self) { try ForeignRuns.read(path) }
        // A file that is still written ends anywhere.
        for end in stride(from: 0, to: bytes.count, by: 7) {
            try Files.writeAtomically(Array(bytes[..<end]), to: path)
            _ = try ForeignRuns.read(path)
        }
    }
}
