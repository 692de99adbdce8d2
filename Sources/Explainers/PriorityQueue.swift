/// A binary heap: the smallest priority first.
struct PriorityQueue<Element> {
    private var heap: [(priority: (Double, Double), element: Element)] = []
    /// How many were ever inserted.
    private(set) var inserted = 0

    var isEmpty: Bool { heap.isEmpty }

    mutating func insert(_ element: Element, priority: (Double, Double)) {
        inserted += 1
        heap.append((priority, element))
        var child = heap.count - 1
        while child > 0, heap[child].priority < heap[(child - 1) / 2].priority {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func removeFirst() -> Element? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if heap.isEmpty { return first.element }
        heap[0] = last
        var parent = 0
        while true {
            var smallest = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if heap[child].priority < heap[smallest].priority { smallest = child }
            }
            if smallest == parent { return first.element }
            heap.swapAt(parent, smallest)
            parent = smallest
        }
    }
}
