# Reads ctest's LastTest.log and prints what explains the failures: of a GoogleTest program the output of each test case that
# failed or never ended, of anything else the last lines. A long suite's log would bury them.
# Variables: lines (how much of each piece, counted from its end).

function show(title, first, last) {
  if (last - first >= lines) {
    printf "--- %s (the last %d of %d lines)\n", title, lines, last - first + 1
    first = last - lines + 1
  } else {
    printf "--- %s\n", title
  }
  for (; first <= last; first++) print text[first]
}

function explain(name,   i, begin, shown) {
  begin = 0
  shown = 0
  for (i = 1; i <= count; i++) {
    if (text[i] ~ /^\[ RUN      \] /) {
      begin = i
    } else if (begin && text[i] ~ /^\[       OK \] /) {
      begin = 0
    } else if (begin && text[i] ~ /^\[  FAILED  \] /) {
      show(name ": " substr(text[begin], 14), begin, i)
      begin = 0
      shown++
    }
  }
  if (begin) show(name ": " substr(text[begin], 14) " did not end", begin, count)
  else if (!shown) show(name, 1, count)
}

/^[0-9]+\/[0-9]+ Test: / { name = $3; count = 0; inside = 0; next }
/^Output:$/ && !inside { inside = 1; next }
/^<end of output>$/ { inside = 0; next }
inside { if ($0 !~ /^-+$/ || count) text[++count] = $0; next }
/^Test (Failed|Timeout|time .*Timeout)/ || /^Test .*(Exception|SEGFAULT|Not Run)/ { explain(name) }
