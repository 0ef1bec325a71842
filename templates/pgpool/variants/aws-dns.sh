# shellcheck shell=sh disable=SC2154
# A Route 53 A record: clients in the VPC, in peered ones, on premises. It takes up to the TTL until all see it.
zone=@@zone@@
record=@@record@@
ttl=@@ttl@@
own local-ipv4
address=$answer
batch() {
  printf '{"Changes":[{"Action":"%s","ResourceRecordSet":{"Name":"%s","Type":"A","TTL":%s,"ResourceRecords":[{"Value":"%s"}]}}]}' \
    "$1" "$record" "$ttl" "$address"
}
if [ "$verb" = escalation ]; then
  aws_run route53 change-resource-record-sets --hosted-zone-id "$zone" --change-batch "$(batch UPSERT)" ||
    die "the record $record was not turned here: $why"
elif ! aws_run route53 change-resource-record-sets --hosted-zone-id "$zone" --change-batch "$(batch DELETE)"; then
  # Route 53 deletes only what matches exactly, so that the new leader's record is safe from this.
  case $why in
  *'(InvalidChangeBatch)'*'but it was not found'* | *'(InvalidChangeBatch)'*'do not match the current values'*)
    say "the record $record is not ours any more"
    ;;
  *) die "the record $record was not taken back: $why" ;;
  esac
fi
finish
