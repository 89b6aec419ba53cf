"""What people and machines read of a grading. Every file here is a pure function of `grading.records.Report`.

terminal    what course staff see when the grading ends
page        one self-contained HTML page
gradescope  results.json
record      report.json, the whole record
table       a class at a glance: pandas and CSV
write       puts results.json, report.json and report.html into a folder
"""
