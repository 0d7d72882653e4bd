# CTest reads this behind the discovered tests. Tests that measure time against a bound must not
# share the machine with others.
foreach(backend IN ITEMS io_uring threads)
  foreach(name IN ITEMS
      "each of four processes that put without pause gets at least half its fair share"
      "each of four processes that put durably without pause gets at least half its fair share"
      "a Python process that polls for the lock gets it beside a process that puts without pause"
      "a Python process that polls for the lock gets it beside three processes that put without pause"
      "a timer is on time beside a million pending reads")
    set_tests_properties("${backend}.${name}" PROPERTIES RUN_SERIAL TRUE)
  endforeach()
endforeach()
