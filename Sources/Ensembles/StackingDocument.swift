import Base

extension Stacking {
    /// As the ensemble's file keeps it.
    public var json: JSON {
        func matrix(_ rows: [[Double]]) -> JSON { .array(rows.map { JSON($0) }) }
        var out: JSONObject = ["learner": .string(learner.rawValue), "classes": JSON(classes)]
        switch model {
        case .logistic(let model): out["weights"] = matrix(model.weights)
        case .network(let model):
            out["hidden"] = matrix(model.hidden)
            out["output"] = matrix(model.output)
        case .trees(let model):
            out["rounds"] = .array(
                model.rounds.map { trees in
                    .array(
                        trees.map { tree in
                            .array(
                                tree.map {
                                    .array([
                                        JSON($0.input), JSON($0.threshold), JSON($0.low), JSON($0.high), JSON($0.value),
                                    ])
                                })
                        })
                })
        }
        return .object(out)
    }

    /// - Parameters:
    ///   - inputs: numbers the members give: their number times that of the classes.
    ///   - name: of the file, for messages.
    /// - Throws: `MLError(.corrupt)` when the parts do not fit each other.
    public init(_ json: JSON, inputs: Int, classes: Int, name: String) throws {
        func bad(_ what: String) -> MLError { MLError(.corrupt, "'\(name)': the stacked model \(what)") }
        guard let learner = Learner(rawValue: json["learner"]?.stringValue ?? ""),
            json["classes"]?.intValue == classes
        else { throw bad("is of no known kind, or has other classes") }
        func matrix(_ key: String, _ rows: Int, _ columns: Int) throws -> [[Double]] {
            let found = (json[key]?.arrayValue ?? []).map { ($0.arrayValue ?? []).compactMap(\.doubleValue) }
            guard found.count == rows, found.allSatisfy({ $0.count == columns }) else {
                throw bad("has '\(key)' of another shape than \(rows) x \(columns)")
            }
            return found
        }
        switch learner {
        case .logistic: model = .logistic(LogisticStack(weights: try matrix("weights", classes, inputs + 1)))
        case .network:
            model = .network(
                NetworkStack(
                    hidden: try matrix("hidden", NetworkStack.units, inputs + 1),
                    output: try matrix("output", classes, NetworkStack.units + 1)))
        case .trees:
            let rounds = try (json["rounds"]?.arrayValue ?? []).map { trees in
                try (trees.arrayValue ?? []).map { tree in
                    let nodes = try (tree.arrayValue ?? []).map { node -> TreeStack.Node in
                        let values = (node.arrayValue ?? []).compactMap(\.doubleValue)
                        guard values.count == 5, let input = Int(exactly: values[0]),
                            let low = Int(exactly: values[2]), let high = Int(exactly: values[3])
                        else { throw bad("has a node that is none") }
                        return TreeStack.Node(
                            input: input, threshold: values[1], low: low, high: high, value: values[4])
                    }
                    // Children stand behind their parents: a walk always ends.
                    for (place, node) in nodes.enumerated() where node.input >= 0 {
                        guard node.input < inputs, node.low > place, node.high > place, node.low < nodes.count,
                            node.high < nodes.count
                        else { throw bad("has a node without children") }
                    }
                    guard !nodes.isEmpty else { throw bad("has an empty tree") }
                    return nodes
                }
            }
            guard rounds.allSatisfy({ $0.count == classes }) else { throw bad("lacks trees") }
            model = .trees(TreeStack(rounds: rounds, classes: classes))
        }
        self.learner = learner
        self.classes = classes
    }
}
