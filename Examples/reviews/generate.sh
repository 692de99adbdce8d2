#!/bin/sh
# A small generated corpus in the form of the real one, for machines that cannot reach a package registry.
awk 'BEGIN {
    srand(7)
    split("wonderful moving brilliant charming superb honest touching clever", good, " ")
    split("dull boring clumsy tedious awful shallow wooden pointless", bad, " ")
    split("film story cast director scene plot script ending performance music", noun, " ")
    split("The This That Its One Every", start, " ")
    print "text,label,source"
    for (i = 0; i < 4000; i++) {
        label = i % 2
        source = i % 3 ? "imdb" : "rotten_tomatoes"
        text = ""
        for (s = 0; s < 3; s++) {
            kind = rand() < 0.8 ? label : 1 - label
            word = kind ? good[int(rand() * 8) + 1] : bad[int(rand() * 8) + 1]
            text = text start[int(rand() * 6) + 1] " " noun[int(rand() * 10) + 1] " is " word ". "
        }
        printf "\"%s\",%d,%s\n", text, label, source
    }
}'
